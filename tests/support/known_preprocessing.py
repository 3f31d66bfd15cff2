"""Tiny SavedModels of known preprocessing, pictures for them, and what doctor makes of both."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert import photos
from convert.console import Console
from convert.preprocessing import convention_race, doctor
from convert.preprocessing.convention_race import Race
from convert.preprocessing.doctor import Diagnosis
from convert.sources import source
from edge_server.inference.normalization import PRESETS, Normalization

SIDE = 16
# What the tiny models tell apart, RGB: red and blue for the order of channels, levels for the
# range. Their neighbours of 9 other colours and grays are never shown.
SHOWN = ((160, 40, 40), (40, 40, 160), (90, 90, 90), (225, 225, 225), (40, 160, 40), (25, 25, 25))
CLASSES = ("red", "blue", "gray", "white", "green", "black")

Save = Callable[..., Path]
Trained = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(save_functions: Save, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A SavedModel that was trained with a preset or numbers of its own, in an order of channels,
    to look at a part of the picture: its middle, or the sides that a centre crop takes away.
    `classes` puts others before (a background) or leaves the rest; `order` shuffles them."""
    import tensorflow as tf

    def save(
        preset: str | Normalization,
        color_order: str | None = None,
        *,
        sides: bool = False,
        background: int = 0,
        order: tuple[int, ...] = tuple(range(len(SHOWN))),
        dtype: Any = tf.float32,
    ) -> Path:
        own, numbers = color_order or "rgb", preset
        if isinstance(preset, str):
            own, numbers = PRESETS[preset].color_order.value, PRESETS[preset]
        mean, std = np.array(numbers.mean), np.array(numbers.std)
        swap = (color_order or own) != own
        mean, std = (
            v[::-1].astype(np.float32) if swap else v.astype(np.float32) for v in (mean, std)
        )
        prototypes = np.array([SHOWN[i] for i in order], np.float32)

        def scores(image: Any) -> Any:
            pixels = tf.cast(image, tf.float32) * std + mean
            if (color_order or own) == "bgr":
                pixels = pixels[..., ::-1]
            seen = pixels[:, :, :2] if sides else pixels[:, 4:12, 4:12]
            found = tf.reduce_mean(seen, [1, 2])
            far = tf.reduce_sum((found[:, None] - prototypes[None]) ** 2, 2)
            far = tf.pad(far, [[0, 0], [background, 0]], constant_values=1e9)
            return {"scores": tf.nn.softmax(-far / 500)}

        folder = tmp_path_factory.mktemp("trained") / "model"
        if dtype is tf.float32:
            return save_functions(
                folder, serving_default=(scores, {"image": [None, SIDE, SIDE, 3]})
            )
        module = tf.Module()
        spec = tf.TensorSpec([None, SIDE, SIDE, 3], dtype, name="image")
        module.call = tf.function(scores, input_signature=[spec])
        tf.saved_model.save(
            module, str(folder), signatures={"serving_default": module.call.get_concrete_function()}
        )
        return folder

    return save


def picture(colour: tuple[int, ...], seed: int, *, sides: bool, square: bool) -> Image.Image:
    """Noise around a colour; the other part of a wide picture is of any colour."""
    random = np.random.default_rng(seed)
    size = (24, 24) if square else (24, 60)
    pixels = np.empty((*size, 3))
    if not square:
        pixels[:] = random.integers(0, 256, 3)
        pixels[:, slice(0, 60) if sides else slice(18, 42)] = colour
        if sides:
            pixels[:, 18:42] = random.integers(0, 256, 3)
    else:
        pixels[:] = colour
    pixels += random.normal(0, 12, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., Path]:
    """A CSV of pictures, the colours in turn, with `shift` added to each class."""

    def write(
        count: int = 48, *, shift: int = 0, sides: bool = False, square: bool = False, seed: int = 0
    ) -> Path:
        table = tmp_path / f"set{shift}{sides}{square}.csv"
        rows = []
        for number in range(count):
            label = number % len(SHOWN)
            file = tmp_path / f"{table.stem}-{number}.png"
            picture(SHOWN[label], seed + number, sides=sides, square=square).save(file)
            rows.append((file.name, label + shift))
        with table.open("w", newline="") as stream:
            csv.writer(stream).writerows([("file", "label_index"), *rows])
        return table

    return write


def race(model: Path, table: Path, limit: int = 500) -> tuple[source.Source, Race]:
    loaded = source.load(model, None)
    tests = photos.read(table, (), loaded.classes + 1)
    return loaded, convention_race.run(loaded, tests, limit, Console())


def diagnosis(model: Path, table: Path) -> Diagnosis:
    loaded, found = race(model, table)
    return doctor.diagnose(found, loaded.classes)


def used(found: Diagnosis) -> str:
    assert found.use is not None
    return found.use.convention.options()
