"""report.html from hostile names, many classes and photos, and small models."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.page import html_report
from convert.page.html_report import Visuals
from convert.photos import Photo
from edge_server.inference.preprocessing import Fit, from_preset

_MOST_BYTES = 1_500_000


def test_names_from_outside_stay_text(
    full: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    evil = "<script>alert('x')</script>&\"<img src=x onerror=y>"
    full["candidates"][0]["name"] = full["curve"][0]["name"] = evil
    full["source"]["path"] = f"/models/{evil.replace('/', '')}"
    full["layers"][3]["name"] = full["checks"][1]["sentence"] = full["why"] = evil
    full["better_int8"][0]["why"] = full["preprocessing_trials"]["warning"] = evil
    full["validation"]["unreadable"] = {f"a/{evil}": evil}
    hostile = dataclasses.replace(visuals, labels=(evil, evil, evil))
    page = html_report.render(full, hostile)
    read = read_page(page)
    assert "script" not in read.tags
    assert not read.of("img", "onerror")
    assert all(src.startswith("data:image/") for src in read.of("img", "src"))
    assert b"&lt;script&gt;" in page


def test_a_long_label_is_cut_off(full: dict[str, Any], visuals: Visuals, read_page: Any) -> None:
    long = dataclasses.replace(visuals, labels=("Ω" * 200, "dog", "bird"))
    text = read_page(html_report.render(full, long)).text
    assert "Ω" * 40 in text
    assert "Ω" * 80 not in text


@pytest.mark.parametrize("classes", [2, 1001])
def test_any_number_of_classes_and_many_photos_stay_small(
    classes: int, full: dict[str, Any], pictures: tuple[Path, ...], read_page: Any
) -> None:
    count = 3000
    random = np.random.default_rng(1)
    truth = random.integers(0, classes, count)
    before = random.dirichlet(np.full(classes, 0.05), count).astype(np.float32)
    photos = tuple(Photo(pictures[n % 6], int(label)) for n, label in enumerate(truth))
    labels = tuple(f"{n} <&> " + "Ω" * 200 for n in range(classes))
    full |= {"samples": count}
    page = html_report.render(
        full,
        Visuals(labels, photos, before, before[:, ::-1], from_preset("tf", width=32, height=32)),
    )
    read = read_page(page)
    assert len(page) < _MOST_BYTES
    assert read.tags.count("img") == 24 + 2 * 6
    assert "Drawn are" in read.text
    assert ("Top-5, original" in read.text) == (classes > 5)


def test_one_channel_and_28_pixels(
    tmp_path: Path, document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    digit = tmp_path / "digit.png"
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(digit)
    small = dataclasses.replace(
        visuals,
        photos=tuple(Photo(digit, photo.label) for photo in visuals.photos),
        spec=from_preset("unit", width=28, height=28, channels=1),
    )
    read = read_page(html_report.render(document, small))
    assert "28 × 28 → 28 × 28, values 0 to 1" in read.text
    assert "Channels grayscale" in read.text
    assert all(uri.startswith("data:image/png") for uri in read.of("img", "src"))


@pytest.mark.parametrize("fit", list(Fit))
def test_what_is_cut_off_is_said(
    fit: Fit, document: dict[str, Any], visuals: Visuals, read_page: Any
) -> None:
    spec = dataclasses.replace(visuals.spec, fit=fit)
    text = read_page(html_report.render(document, dataclasses.replace(visuals, spec=spec))).text
    assert ("44% cut off" in text) == (fit is Fit.CENTER_CROP)  # 90 of 160 pixels are kept


def test_a_real_build_has_a_report(
    request: pytest.FixtureRequest, read_page: Any, answers: Any
) -> None:
    """What convert.report writes today is what this page reads."""
    built = request.getfixturevalue("colours_build")
    scores = answers((0, 1, 2, 3), 0.9, classes=4)
    photos = sorted(Path(built.report["validation"]["photos"]).rglob("*.png"))[:4]
    labels = ("red", "green", "blue", "yellow")
    spec = from_preset("tf", width=24, height=24)
    visuals = Visuals(labels, tuple(map(Photo, photos)), scores, scores, spec)
    assert built.report["sha256"] in read_page(html_report.render(built.report, visuals)).text
