"""How a picture of any shape becomes pixels of a model's shape: which part of it, and how resized.

Knows sizes and pixels; nothing of colours, models or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from PIL import Image

from edge_server.inference.jpeg import Pixels


class Fit(str, Enum):
    """How a picture of any shape becomes the model's shape."""

    STRETCH = "stretch"
    CENTER_CROP = "center-crop"
    LETTERBOX = "letterbox"  # black bars


class Filter(str, Enum):
    """How pixels are interpolated."""

    BILINEAR = "bilinear"  # half-pixel centres, no antialiasing: tf.image.resize, OpenCV
    BILINEAR_ANTIALIAS = "bilinear-antialias"  # support grows with the scale: Pillow, torchvision
    NEAREST = "nearest"


@dataclass(frozen=True)
class Window:
    """A part of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def frame(
    width: int, height: int, fit: Fit, model_width: int, model_height: int
) -> tuple[Window, tuple[int, int]]:
    """The part of a picture that a model sees, and the (width, height) that it is brought to:
    the model's, or less where there are bars."""
    whole = Window(0, 0, width, height)
    if fit is Fit.STRETCH:
        return whole, (model_width, model_height)
    if fit is Fit.LETTERBOX:
        scale = min(model_width / width, model_height / height)
        return whole, (max(1, round(width * scale)), max(1, round(height * scale)))
    # The largest centred window of the model's shape.
    scale = min(width / model_width, height / model_height)
    crop_width = max(1, round(model_width * scale))
    crop_height = max(1, round(model_height * scale))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return Window(left, top, crop_width, crop_height), (model_width, model_height)


@dataclass(frozen=True)
class Part:
    """Pixels and the box of them that is meant: left, top, right, bottom."""

    pixels: Pixels | Image.Image
    box: tuple[float, float, float, float]


def cut(pixels: Pixels | Image.Image, window: Window, reduced: int) -> Part:
    """A window of the whole picture cut from the reduced one, with no more than it touches."""
    left, top = window.left // reduced, window.top // reduced
    right = -(-(window.left + window.width) // reduced)
    bottom = -(-(window.top + window.height) // reduced)
    x, y = window.left / reduced - left, window.top / reduced - top
    box = (x, y, x + window.width / reduced, y + window.height / reduced)
    if isinstance(pixels, Image.Image):
        whole = (left, top, right, bottom) == (0, 0, *pixels.size)
        return Part(pixels if whole else pixels.crop((left, top, right, bottom)), box)
    return Part(pixels[top:bottom, left:right], box)


def interpolate(part: Part, size: tuple[int, int], how: Filter) -> Pixels:
    """Resize a part of uint8 (h, w, c), or of Pillow's picture, to uint8 (height, width, c).

    Pillow's picture is for its own filter, BILINEAR_ANTIALIAS.
    """
    width, height = size
    pixels = part.pixels
    if isinstance(pixels, Image.Image):
        if pixels.size != size:
            pixels = pixels.resize(size, Image.Resampling.BILINEAR, box=part.box)
        return np.asarray(pixels)
    if pixels.shape[:2] == (height, width):
        return pixels
    channels = pixels.shape[2]
    if how is Filter.BILINEAR_ANTIALIAS:
        flat = np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)
        image = Image.fromarray(flat)
        resized: Any = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=part.box))
    else:
        import cv2  # noqa: PLC0415, it is large, and not every model needs it

        flag = cv2.INTER_LINEAR if how is Filter.BILINEAR else cv2.INTER_NEAREST_EXACT
        resized = cv2.resize(pixels, size, interpolation=flag)
    shaped: Pixels = resized.reshape(height, width, channels)
    return shaped
