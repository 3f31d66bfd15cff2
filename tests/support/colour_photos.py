"""Photos for the models of colour_models."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {
    "red": (225, 30, 35),
    "green": (30, 220, 40),
    "blue": (35, 30, 225),
    "yellow": (225, 220, 30),
}
CLASSES = tuple(COLOURS)


def colour_photo(colour: str, seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A noisy picture of one colour."""
    noise = np.random.default_rng(seed).normal(0, 25, (size[1], size[0], 3))
    return Image.fromarray(np.clip(COLOURS[colour] + noise, 0, 255).astype(np.uint8))


def write_photos(folder: Path, count: int, *, suffix: str = "png", seed: int = 0) -> list[Path]:
    """`count` pictures, the colours in turn: 000-red.png, 001-green.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        colour = CLASSES[number % len(CLASSES)]
        files.append(folder / f"{number:03d}-{colour}.{suffix}")
        colour_photo(colour, seed + number).save(files[-1])
    return files


@dataclass(frozen=True)
class Photos:
    """The same kind of photos in every form that a build takes, and labels for them."""

    calibration: Path
    by_class: Path
    flat: Path
    labels: Path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "calibration", 24, suffix="jpg", seed=1000)
    for file in write_photos(folder / "flat", 24):
        target = folder / "by_class" / file.stem.split("-")[1]
        target.mkdir(parents=True, exist_ok=True)
        (target / file.name).write_bytes(file.read_bytes())
    # A label map in another order than its numbers.
    labels = folder / "label_map.json"
    names = dict(sorted(enumerate(CLASSES), reverse=True))
    labels.write_text(json.dumps(names))
    return Photos(folder / "calibration", folder / "by_class", folder / "flat", labels)
