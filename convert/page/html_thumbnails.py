"""Pictures for report.html, as data URIs: photos as they came, and as the model sees them."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from convert import photos
from convert.photos import Photo
from edge_server.errors import ImageError
from edge_server.inference import decoding, preprocessing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import ColorOrder, Filter, Preprocessing

# Longest sides in pixels; a coordinate of a thumbnail has to fit into 8 bits (see _window).
_THUMBNAIL: Final = 240
_INPUT: Final = 320
# Bytes before base64: these and the counts bound the size of the report.
_THUMBNAIL_BYTES: Final = 14_000
_INPUT_BYTES: Final = 24_000
_QUALITIES: Final = (84, 74, 62, 48, 32, 16)
# Smaller pictures are kept exactly, and shown with their pixels to be seen.
_LOSSLESS_BELOW: Final = 100
# What is cut off is shown faint and grey, outside a frame.
_FAINT: Final = 0.35
_VEIL: Final = 150
_FRAME: Final = (216, 64, 74)


@dataclass(frozen=True)
class Thumbnail:
    """A picture in the page; `coarse` where its pixels should show."""

    uri: str
    width: int
    height: int
    coarse: bool


@dataclass(frozen=True)
class Sight:
    """A photo as it came, faint where the fit cuts it off, and what the model gets of it.
    `low` and `high` are the range of the tensor's values."""

    name: str
    width: int
    height: int
    photo: Thumbnail
    seen: Thumbnail
    low: float
    high: float
    cut_off: float  # fraction 0..1 of the photo


def thumbnail(path: Path) -> Thumbnail | None:
    """The photo, small; None where it can't be read (any more)."""
    pixels = _decode(path)
    return None if pixels is None else _encode(_shrink(pixels, _THUMBNAIL), _THUMBNAIL_BYTES)


def sights(tests: Sequence[Photo], spec: Preprocessing, count: int) -> list[Sight]:
    """At most `count` photos with what the model sees of them, from the widest to the tallest."""
    pool = [s for photo in photos.evenly(tests, 3 * count) if (s := _sight(photo.path, spec))]
    pool.sort(key=lambda sight: -sight.width / sight.height)
    if len(pool) <= count:
        return pool
    # The ends are the shapes on which a fit shows most.
    return [pool[round(i * (len(pool) - 1) / (count - 1))] for i in range(count)]


def _sight(path: Path, spec: Preprocessing) -> Sight | None:
    pixels = _decode(path)
    if pixels is None:
        return None
    seen = preprocessing.see(path.read_bytes(), spec)
    tensor = preprocessing.normalize(seen, spec)
    small = _shrink(pixels, _THUMBNAIL)
    window = _window(small, spec)
    left, top, right, bottom = window
    height, width = small.shape[:2]
    return Sight(
        name=path.name,
        width=pixels.shape[1],
        height=pixels.shape[0],
        photo=_encode(_framed(small, window), _THUMBNAIL_BYTES),
        seen=_encode(_shrink(_as_rgb(seen, spec), _INPUT), _INPUT_BYTES),
        low=float(tensor.min()),
        high=float(tensor.max()),
        cut_off=1 - (right - left) * (bottom - top) / (width * height),
    )


def _framed(small: Pixels, window: tuple[int, int, int, int]) -> Pixels:
    """The picture with what lies outside the window faint; as it is where nothing does."""
    left, top, right, bottom = window
    height, width = small.shape[:2]
    if (right - left, bottom - top) == (width, height):
        return small
    grey = small.mean(axis=2, keepdims=True)
    framed = np.broadcast_to(_FAINT * grey + (1 - _FAINT) * _VEIL, small.shape).astype(np.uint8)
    framed[top:bottom, left:right] = small[top:bottom, left:right]
    for edge in (
        np.s_[top : top + 2, left:right],
        np.s_[bottom - 2 : bottom, left:right],
        np.s_[top:bottom, left : left + 2],
        np.s_[top:bottom, right - 2 : right],
    ):
        framed[edge] = _FRAME
    return framed


def _window(small: Pixels, spec: Preprocessing) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what the fit keeps of a picture of at most 255 pixels a side.

    Found by preprocessing a picture whose pixels say where they are, so that there is no second
    implementation of the fits here.
    """
    height, width = small.shape[:2]
    # From 1: the bars of a letterbox are 0.
    y, x = np.mgrid[1 : height + 1, 1 : width + 1].astype(np.uint8)
    plain = dataclasses.replace(
        spec, color_order=ColorOrder.RGB, filter=Filter.NEAREST, mean=(0.0,), std=(1.0,)
    )
    # A coarse grid would step over the edges.
    times = max(1, 2 * _THUMBNAIL // max(spec.width, spec.height))
    fine = dataclasses.replace(plain, width=times * spec.width, height=times * spec.height)
    kept = preprocessing.resize(np.stack([x, y, x], axis=-1), fine)
    columns, rows = kept[..., 0], kept[..., 1]
    columns, rows = columns[columns > 0], rows[rows > 0]
    return int(columns.min()) - 1, int(rows.min()) - 1, int(columns.max()), int(rows.max())


def _decode(path: Path) -> Pixels | None:
    try:
        return decoding.decode(path.read_bytes())
    except (ImageError, OSError):
        return None


def _as_rgb(seen: Pixels, spec: Preprocessing) -> Pixels:
    """Pixels in the model's channel order as a screen shows them."""
    if spec.color_order is ColorOrder.BGR:
        seen = seen[..., ::-1]
    return np.ascontiguousarray(np.broadcast_to(seen, (*seen.shape[:2], 3)))


def _shrink(pixels: Pixels, longest: int) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _encode(pixels: Pixels, limit: int) -> Thumbnail:
    """PNG where it is tiny, else the best JPEG of at most `limit` bytes that is worth its size."""
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels)
    coarse = max(width, height) < _LOSSLESS_BELOW
    stream = io.BytesIO()
    if coarse:
        image.save(stream, "PNG", optimize=True)
    else:
        for quality in _QUALITIES:
            stream = io.BytesIO()
            image.save(stream, "JPEG", quality=quality, optimize=True)
            if stream.tell() <= limit:
                break
    data = stream.getvalue()
    kind = "png" if coarse else "jpeg"
    return Thumbnail(
        f"data:image/{kind};base64,{base64.b64encode(data).decode()}", width, height, coarse
    )
