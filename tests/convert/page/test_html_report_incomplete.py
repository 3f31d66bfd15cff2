"""report.html where parts are missing: no labels, no calibration, photos that are gone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from convert.page import html_report
from convert.page.html_report import Visuals
from convert.photos import Photo


def test_a_document_without_the_newer_parts_leaves_them_out(
    document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    read = read_page(html_report.render(document, visuals))
    assert {"accuracy", "candidates", "confidence", "versions"} <= set(read.ids)
    assert not {"checks", "better-int8", "layers", "curve-title"} & set(read.ids)
    assert "1 candidate" in read.text
    assert "The candidate gives the original's answer on 66.7% of 6 photos." in read.text


def test_without_labels_only_agreement_is_claimed(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    for model in ("original", "candidate"):
        full[model] |= {"top1": None, "top5": None}
    for row in full["candidates"]:
        row |= {"top1": None, "top5": None}
    full["preprocessing_trials"] = None
    flat = dataclasses.replace(visuals, photos=tuple(Photo(p.path) for p in visuals.photos))
    text = read_page(html_report.render(full, flat)).text
    assert "not known" in text
    assert "The photos have no labels, so this part of the gate was not judged." in text
    assert "✓ right" not in text
    assert "✕ wrong" not in text
    assert "Original dog 90.0% Candidate cat 80.0%" in text
    assert "dog 1 0 ▼ −1 cat" in text  # a class is what the original answers


def test_float32_without_calibration_that_changes_nothing(
    document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    document |= {"recipe": "float32", "calibration": None}
    document["agreement"] = {"top1": 1.0, "interval": [0.61, 1.0]}
    same = dataclasses.replace(visuals, candidate=visuals.original)
    text = read_page(html_report.render(document, same)).text
    assert "None: both give the same answer on every photo." in text
    assert "No class has a changed answer." in text
    assert "none: the recipe needs no photos" in text


def test_an_interval_that_reaches_past_the_gate_is_said(
    document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    text = read_page(html_report.render(document, visuals)).text
    assert "The interval reaches below what is asked for" in text
    assert "The interval reaches past what is allowed" in text


def test_a_file_whose_time_is_not_known(
    document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    document["candidate"]["invoke_ms_median"] = None
    assert "not measured" in read_page(html_report.render(document, visuals)).text


def test_the_share_inside_xnnpack_is_told_where_it_is_known(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    assert "run inside XNNPACK is not known" in read_page(html_report.render(full, visuals)).text
    share = {"operators": 110, "inside": 90, "parts": 20}
    full["candidate"]["xnnpack"] = full["candidates"][0]["xnnpack"] = share
    text = read_page(html_report.render(full, visuals)).text
    assert "90 of 110 operators run inside XNNPACK, in 20 parts" in text
    assert "90 of 110 in XNNPACK, 20 parts" in text


def test_photos_that_are_gone_are_named_instead(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    gone = tuple(Photo(Path("gone") / f"\udcff{p.path.name}", p.label) for p in visuals.photos)
    full["validation"]["unreadable"] = {f"a/torn{n}.jpg": "the JPEG is cut off" for n in range(15)}
    read = read_page(html_report.render(full, dataclasses.replace(visuals, photos=gone)))
    assert "img" not in read.tags
    assert "None of the validation photos can be read any more." in read.text
    assert read.text.count("can’t be read any more") == 2  # the photos with two answers
    assert "torn11.jpg: The JPEG is cut off." in read.text
    assert "and 3 more" in read.text
