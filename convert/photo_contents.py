"""What photos show, small enough to compare every one with every other.

A thumbnail of 32 x 32 colours says whether two files hold the same picture, however it was encoded
or resized: first by its means over 8 x 8, then as it is. It is not a hash of bits: a difference has
a meaning, levels of 0..255, and a threshold that was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from convert.photos import Photo
from edge_server.errors import ImageError
from edge_server.inference import decoding

Thumbnails: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

_SIDE: Final = 32
_COARSE: Final = 8
# JPEG decodes to a part of its size for next to nothing; this much is plenty for 32 x 32 cells.
_DRAFT: Final = (256, 256)
# Measured on 316 photos: re-encoding (quality 30 and up) and resizing (half to double) move no
# cell by more than 9 levels; the two most alike of different photos differ by 58 in some cell.
SAME: Final = 16
# At 32 x 32, where small things show: re-encoding (quality 30) and resizing (a third to double)
# move the cells by 8 levels on average and none by more than 58; different photos differ by 22 and
# more on average, and tiles of small digits that look alike at 8 x 8 by 35.
SAME_ON_AVERAGE: Final = 14
SAME_AT_MOST: Final = 72


@dataclass(frozen=True)
class Contents:
    """Readable photos and their thumbnails, uint8 (photos, 32, 32, 3), RGB, in the same order."""

    files: tuple[Path, ...]
    thumbnails: Thumbnails


def read(photos: Sequence[Photo]) -> Contents:
    """The contents of the photos that can be read."""
    files, thumbnails = [], []
    for photo in photos:
        try:
            thumbnails.append(thumbnail(photo.path))
        except (ImageError, OSError, ValueError, SyntaxError):
            continue
        files.append(photo.path)
    empty = np.empty((0, _SIDE, _SIDE, 3), np.uint8)
    return Contents(tuple(files), np.stack(thumbnails) if thumbnails else empty)


def thumbnail(path: Path) -> Thumbnails:
    """uint8 (32, 32, 3), each cell the mean of its part of the upright picture, whatever its shape.

    Raises ImageError or OSError where the file is no readable picture.
    """
    data = path.read_bytes()
    if data[:2] == b"\xff\xd8":
        with Image.open(path) as image:
            image.draft("RGB", _DRAFT)
            upright = ImageOps.exif_transpose(image).convert("RGB")
    else:
        upright = Image.fromarray(decoding.decode(data))
    return np.asarray(upright.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.uint8)


def pairs(first: Contents, second: Contents) -> Iterator[tuple[int, int]]:
    """Row numbers of the same picture in both, also where one is the other's mirror image.

    Mirrored, since that is what a folder of augmented photos is full of.
    """
    others = _coarse(second.thumbnails)
    # A row's mean is the same in the mirror, and off by no more than its cells: a quick sieve.
    means = others.mean(axis=2)
    for row, one in enumerate(_coarse(first.thumbnails)):
        near = np.flatnonzero((np.abs(means - one.mean(axis=1)) <= SAME).all(axis=(1, 2)))
        same = np.zeros(len(near), bool)
        whole = first.thumbnails[row].astype(np.int16)
        for coarse, fine in ((one, whole), (one[:, ::-1], whole[:, ::-1])):
            alike = (np.abs(others[near] - coarse) <= SAME).all(axis=(1, 2, 3))
            far = np.abs(second.thumbnails[near[alike]].astype(np.int16) - fine)
            same[alike] |= (far.mean(axis=(1, 2, 3)) <= SAME_ON_AVERAGE) & (
                far.max(axis=(1, 2, 3)) <= SAME_AT_MOST
            )
        yield from ((row, int(other)) for other in near[same])


def _coarse(thumbnails: Thumbnails) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 (photos, 8, 8, 3): means of the cells."""
    part = _SIDE // _COARSE
    parts = thumbnails.reshape(-1, _COARSE, part, _COARSE, part, 3)
    means: np.ndarray[Any, np.dtype[np.float32]] = parts.mean(axis=(2, 4), dtype=np.float32)
    return means


def distinct(contents: Contents) -> int:
    """How many different pictures there are: one that repeats an earlier one does not count."""
    repeated = {later for earlier, later in pairs(contents, contents) if earlier < later}
    return len(contents.files) - len(repeated)
