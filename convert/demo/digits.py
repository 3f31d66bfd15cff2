"""scikit-learn's handwritten digits, split once, and as pictures like those of the demo camera.

Data: UCI Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak), the test part of
1797 digits that scikit-learn ships. Nothing is downloaded.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from camera.sources.demo import picture
from convert.metrics import Classes
from edge_server.inference.decoding import Pixels

CLASSES: Final = 10
HELD_OUT: Final = 540
_SEED: Final = 0
_PICTURE_SIDE: Final = 96
_SHEET_COLUMNS: Final = 20
_CALIBRATION: Final = 200


@dataclass(frozen=True)
class Digits:
    """Tiles uint8 (n, 8, 8), 0..255, ink bright on dark, and their classes (n,)."""

    tiles: Pixels
    labels: Classes


def split() -> tuple[Digits, Digits]:
    """Digits to train with, and those held out of all training and calibration."""
    data = load_digits()
    tiles = np.rint(data.images * (255.0 / 16.0)).astype(np.uint8)
    labels = data.target.astype(np.int64)
    train, held_out = train_test_split(
        np.arange(len(tiles)), test_size=HELD_OUT, stratify=labels, random_state=_SEED
    )
    return Digits(tiles[train], labels[train]), Digits(tiles[held_out], labels[held_out])


def photo(digits: Digits, index: int) -> Image.Image:
    """What the demo camera shows of a digit: the centre square, made smaller."""
    shown = Image.fromarray(picture(digits.tiles, index))
    left = (shown.width - shown.height) // 2
    square = shown.crop((left, 0, left + shown.height, shown.height))
    return square.convert("L").resize((_PICTURE_SIDE, _PICTURE_SIDE), Image.Resampling.LANCZOS)


def write_folders(digits: Digits, folder: Path) -> None:
    """Photos in a folder for each class: FOLDER/7/0042.png."""
    shutil.rmtree(folder, ignore_errors=True)
    for index, label in enumerate(digits.labels):
        file = folder / str(label) / f"{index:04d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        photo(digits, index).save(file)


def write_label_map(file: Path) -> None:
    """The label map that tutorials read with json.load and look up by str(index)."""
    names = {str(index): str(index) for index in range(CLASSES)}
    file.write_text(json.dumps(names), encoding="ascii")


def write_calibration(train: Digits, folder: Path) -> None:
    """A flat folder of training photos: calibration must not see the held-out ones."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for index in range(_CALIBRATION):
        photo(train, index).save(folder / f"{index:04d}.png")


def write_sheet(held_out: Digits, png: Path, labels: Path) -> None:
    """The held-out digits as the demo camera reads them: one sheet of tiles, one label a line."""
    rows = -(-len(held_out.tiles) // _SHEET_COLUMNS)
    sheet = np.zeros((rows * _SHEET_COLUMNS, 8, 8), np.uint8)
    sheet[: len(held_out.tiles)] = held_out.tiles
    grid = sheet.reshape(rows, _SHEET_COLUMNS, 8, 8).swapaxes(1, 2)
    Image.fromarray(grid.reshape(rows * 8, _SHEET_COLUMNS * 8)).save(png, optimize=True)
    labels.write_text("".join(f"{label}\n" for label in held_out.labels), encoding="ascii")
