"""What photos show, small enough to compare every one with every other.

A thumbnail of 8 x 8 colours says whether two files hold the same picture, however it was encoded
or resized. It is not a hash of bits: the largest difference of any cell has a meaning, levels of
0..255, and a threshold that was measured.
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

_SIDE: Final = 8
# JPEG decodes to an eighth of its size for next to nothing; this much is plenty for 8 x 8 cells.
_DRAFT: Final = (64, 64)
# Measured on 316 photos: re-encoding (quality 30 and up) and resizing (half to double) move no
# cell by more than 9 levels; the two most alike of different photos differ by 58 in some cell.
SAME: Final = 16


@dataclass(frozen=True)
class Contents:
    """Readable photos and their thumbnails, uint8 (photos, 8, 8, 3), RGB, in the same order."""

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
    """uint8 (8, 8, 3), each cell the mean of its part of the upright picture, whatever its shape.

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
    others = second.thumbnails.astype(np.int16)
    # A row's mean is the same in the mirror, and off by no more than its cells: a quick sieve.
    means = others.mean(axis=2)
    for row, one in enumerate(first.thumbnails.astype(np.int16)):
        near = np.flatnonzero((np.abs(means - one.mean(axis=1)) <= SAME).all(axis=(1, 2)))
        same = np.zeros(len(near), bool)
        for view in (one, one[:, ::-1]):
            same |= (np.abs(others[near] - view) <= SAME).all(axis=(1, 2, 3))
        yield from ((row, int(other)) for other in near[same])


def distinct(contents: Contents) -> int:
    """How many different pictures there are: one that repeats an earlier one does not count."""
    repeated = {later for earlier, later in pairs(contents, contents) if earlier < later}
    return len(contents.files) - len(repeated)
