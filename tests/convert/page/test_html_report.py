"""report.html: one page, nothing from elsewhere, and the figures of the document."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from convert.page import html_report
from convert.page.html_report import Visuals


def test_it_asks_for_nothing_from_elsewhere(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    page = html_report.render(full, visuals)
    read = read_page(page)
    assert b"http://" not in page
    assert b"https://" not in page
    assert b"@import" not in page
    assert b"url(" not in page
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(read.tags)
    sources = [value for _, name, value in read.attributes if name in ("src", "srcset", "data")]
    assert sources
    assert all(value.startswith("data:image/") for value in sources)
    links = [value for _, name, value in read.attributes if name in ("href", "xlink:href")]
    assert {value.removeprefix("#") for value in links} <= set(read.ids)
    policy = next(v for v in read.of("meta", "content") if "default-src" in v)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_it_is_well_formed_and_can_be_found_ones_way_in(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    page = html_report.render(full, visuals)
    read = read_page(page)
    assert page.startswith(b"<!DOCTYPE html>")
    assert len(read.ids) == len(set(read.ids))
    assert read.tags.count("h1") == read.tags.count("main") == 1
    named = [
        i for _, name, value in read.attributes if name == "aria-labelledby" for i in value.split()
    ]
    assert set(named) <= set(read.ids)
    assert all(read.of("img", "alt"))
    assert len(read.of("img", "alt")) == read.tags.count("img")
    assert len(read.of("th", "scope")) == read.tags.count("th")
    charts = [v for v in read.of("svg", "role") if v == "img"]
    assert len(charts) == 4  # accuracy, curve, layers, confidence
    assert read.tags.count("desc") == len(charts)


def test_the_same_input_gives_the_same_bytes(full: dict[str, Any], visuals: Visuals) -> None:
    before = copy.deepcopy(full)
    assert html_report.render(full, visuals) == html_report.render(full, visuals)
    assert full == before


def test_the_first_words_say_whether_to_deploy_and_why(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    text = read_page(html_report.render(full, visuals)).text
    verdict = text.index("✓Passed. Deploy model.tflite")
    why = text.index("int8 is the fastest inside the budget of --max-drop.")
    warning = text.index("1 warning to read first")
    assert verdict < why < warning < text.index("6 photos are too few.")
    assert text.index("6 photos are too few.") < text.index("Gate")


def test_a_failed_verdict_says_so_and_what_to_try(
    document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    document |= {"verdict": "failed", "file": "model.rejected.tflite"}
    document["reasons"] = ["it agrees on 66.7% of the photos", "it loses 8.0 points"]
    document["thresholds"] = {"min_agreement": 0.95, "max_drop": 1.0}
    text = read_page(html_report.render(document, visuals)).text
    assert "✕Failed. Do not deploy model.rejected.tflite" in text
    assert "It agrees on 66.7% of the photos; it loses 8.0 points." in text
    assert "at least 95.0% 66.7%" in text
    assert "✕ no" in text
    assert "What to try" in text


def test_its_figures_are_those_of_the_document(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    text = read_page(html_report.render(full, visuals)).text
    low, high = full["agreement"]["interval"]
    for figure in (
        "66.7%",
        f"4 photos of 6, 95 % interval {low:.1%} to {high:.1%}",
        "83.3%",
        "0.0 points from the original’s 83.3%",
        "0.594 ms",
        "776 kB",
        "776,204 bytes",
        full["sha256"],
        "70.0% → 85.2%",
        "0.311 → 0.157",
        "60, 40",
        "0.750",  # the worst layer
        "0.12%",
        "71.0%",
        "60.0% to 80.0%",
        "41.2 s",
        "1,430 MB",
        "tflite-2.14 (tflite-runtime 2.14.0)",
        "dense layers per tensor",
        "sha256:169d4710",
        "CONV_2D v3, SOFTMAX v2",
        "968 kB",
        "55.0%",
    ):
        assert figure in text, figure


def test_photos_with_two_answers_are_shown_lost_ones_first(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    text = read_page(html_report.render(full, visuals)).text
    lost = "dog photo1.jpg Original dog ✓ right 90.0% Candidate cat ✕ wrong 80.0%"
    gained = "dog photo4.jpg Original cat ✕ wrong 90.0% Candidate dog ✓ right 80.0%"
    assert text.index(lost) < text.index(gained)
    assert "Original right 4 1 lost" in text
    assert "Original wrong 1 gained 0" in text


def test_classes_that_changed_are_named_with_the_answer_instead(
    full: dict[str, Any], visuals: Visuals, read_page: Any, answers: Any
) -> None:
    worse = dataclasses.replace(visuals, candidate=answers((0, 0, 2, 0, 0, 2), 0.8))
    text = read_page(html_report.render(full, worse)).text
    assert "dog 2 1 0 ▼ −1 cat" in text
    assert "2 other classes" in text
