"""The short trials of a build: a warning where it helps, no false alarm, little cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert import original, photos
from convert.console import Console
from convert.photos import Photo, PhotoSet
from convert.preprocessing import preprocessing_trials
from convert.preprocessing.preprocessing_trials import Trials
from convert.sources import source
from convert.sources.source import Source
from edge_server.inference.preprocessing import Fit, Preprocessing, from_preset

SIDE = 16
LEVELS = (20, 60, 100, 140, 180, 220)


@pytest.fixture(scope="module")
def gray_levels(save_functions: Callable[..., Path], tmp_path_factory: Any) -> Source:
    """Tells six grays apart, from pictures of -1..1: any other range shifts the answers."""
    import tensorflow as tf

    centres = (np.array(LEVELS, np.float32) - 127.5) / 127.5

    def scores(image: Any) -> Any:
        level = tf.reduce_mean(image, [1, 2, 3])[:, None]
        return {"scores": tf.nn.softmax(-50 * (level - centres) ** 2)}

    folder = tmp_path_factory.mktemp("gray_levels") / "model"
    save_functions(folder, serving_default=(scores, {"image": [None, SIDE, SIDE, 3]}))
    return source.load(folder, None)


@pytest.fixture(scope="module")
def tests(tmp_path_factory: Any) -> PhotoSet:
    """Noisy grays; a sixth of the labels is wrong, as in life."""
    folder = tmp_path_factory.mktemp("grays")
    random = np.random.default_rng(0)
    found = []
    for number in range(180):
        label = number % len(LEVELS)
        pixels = np.clip(LEVELS[label] + random.normal(0, 15, (20, 30, 3)), 0, 255)
        file = folder / f"{number}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(file)
        found.append(Photo(file, int(random.integers(6)) if number % 6 == number // 30 else label))
    return PhotoSet(folder, tuple(found), labelled=True)


def try_with(model: Source, spec: Preprocessing, tests: PhotoSet) -> Trials | None:
    before = original.run(model, spec, tests, Console())
    return preprocessing_trials.short(model, spec, before, tests, Console())


def preset(name: str, **more: Any) -> Preprocessing:
    return from_preset(name, width=SIDE, height=SIDE, **more)


def test_the_right_preprocessing_is_no_cause_for_alarm(
    gray_levels: Source, tests: PhotoSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    real = Source.predict

    def counted(self: Source, tensors: Any) -> Any:
        asked.append(len(tensors))
        return real(self, tensors)

    before = original.run(gray_levels, preset("tf"), tests, Console())
    monkeypatch.setattr(Source, "predict", counted)
    found = preprocessing_trials.short(gray_levels, preset("tf"), before, tests, Console())
    assert found is not None
    assert found.warning is None
    assert found.given == "--preprocessing tf"
    assert found.rows[0].photos == 180
    assert sum(asked) < 180


@pytest.mark.parametrize("given", ["unit", "raw", "caffe"])
def test_a_wrong_preprocessing_is_told_with_figures(
    gray_levels: Source, tests: PhotoSet, given: str
) -> None:
    found = try_with(gray_levels, preset(given), tests)
    assert found is not None
    assert found.warning is not None
    mine, other = found.rows
    assert mine.options == found.given == f"--preprocessing {given}"
    assert other.options.startswith("--preprocessing tf")
    assert other.top1 - mine.top1 > preprocessing_trials.MIN_GAIN
    assert found.warning.startswith(other.options)
    assert f"{other.top1:.1%} of {other.photos} photos" in found.warning
    assert "doctor" in found.warning


def test_the_document_has_what_the_report_shows(gray_levels: Source, tests: PhotoSet) -> None:
    found = try_with(gray_levels, preset("raw"), tests)
    assert found is not None
    document = found.to_json()
    assert set(document) == {"given", "rows", "warning"}
    assert set(document["rows"][0]) == {"options", "top1", "interval", "photos"}


def test_without_labels_there_is_nothing_to_try(gray_levels: Source, tests: PhotoSet) -> None:
    assert try_with(gray_levels, preset("tf"), replace(tests, labelled=False)) is None


def test_wrong_labels_are_not_put_down_to_preprocessing(
    gray_levels: Source, tests: PhotoSet
) -> None:
    shifted = tuple(Photo(p.path, ((p.label or 0) + 3) % 6) for p in tests.photos)
    found = try_with(gray_levels, preset("tf"), replace(tests, photos=shifted))
    assert found is not None
    assert found.warning is None


def test_numbers_of_ones_own_are_compared_too(gray_levels: Source, tests: PhotoSet) -> None:
    odd = Preprocessing(SIDE, SIDE, mean=(10.0,), std=(30.0,))
    found = try_with(gray_levels, odd, tests)
    assert found is not None
    assert found.given == "--mean 10 --std 30"
    assert found.warning is not None


@pytest.mark.shared
def test_a_real_mobilenet_warns_where_it_is_fed_wrongly(shared: Path) -> None:
    model = source.load(shared / "saved_models" / "mobilenet_v1_025_224", None)
    real = photos.read(shared / "photos" / "validation.csv", (), model.classes)
    for name, fit, warned in (
        ("tf", Fit.CENTER_CROP, False),
        ("unit", Fit.CENTER_CROP, True),
        ("torch", Fit.CENTER_CROP, True),
        ("caffe", Fit.STRETCH, True),
    ):
        spec = from_preset(name, width=224, height=224, fit=fit)
        found = try_with(model, spec, real)
        assert found is not None
        assert (found.warning is not None) == warned, name
