"""How a model holds a picture: [batch, height, width, channels], or another order of the same.

Moving numbers from one to the other is exact, so a model of another layout is converted with the
step in front of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

_CHANNELS: Final = (1, 3)
_SMALLEST: Final = 8  # [100, 3] is a series of measurements, no picture
# Flat rows of the data sets that everybody begins with; another length could be anything.
_FLAT_SIZES: Final = {784: (28, 28, 1), 3072: (32, 32, 3)}


class Order(str, Enum):
    """Which axes a picture has, after that of the batch."""

    CHANNELS_LAST = "height, width, channels"
    CHANNELS_FIRST = "channels, height, width"
    GRAY = "height, width"
    FLAT = "height * width * channels"


@dataclass(frozen=True)
class Layout:
    """The order and size of a picture; height and width are None where they are left free.

    `half` is "float16" or "bfloat16" where the model takes such numbers.
    """

    order: Order
    height: int | None
    width: int | None
    channels: int
    half: str | None = None

    def arrange(self, images: Any) -> Any:
        """A tensor (n, height, width, channels) in the model's own order and precision."""
        import tensorflow as tf  # noqa: PLC0415, what a shape means is told without it

        if self.half is not None:
            images = tf.cast(images, self.half)
        if self.order is Order.CHANNELS_FIRST:
            return tf.transpose(images, [0, 3, 1, 2])
        if self.order is Order.GRAY:
            return tf.squeeze(images, -1)
        if self.order is Order.FLAT:
            assert self.height is not None and self.width is not None
            return tf.reshape(images, [-1, self.height * self.width * self.channels])
        return images


def of(shape: tuple[int | None, ...], wanted: tuple[int, int] | None) -> Layout | None:
    """The layout of a shape without its batch, None where it is no picture.

    `wanted` is the (height, width) that was asked for: it tells how a flat row is to be read.
    """
    if len(shape) == 3:
        if shape[2] in _CHANNELS:
            return Layout(Order.CHANNELS_LAST, shape[0], shape[1], shape[2])
        if shape[0] in _CHANNELS:
            return Layout(Order.CHANNELS_FIRST, shape[1], shape[2], shape[0])
    if len(shape) == 2 and all(size is None or size >= _SMALLEST for size in shape):
        return Layout(Order.GRAY, shape[0], shape[1], 1)
    if len(shape) == 1 and shape[0] is not None:
        return _flat(shape[0], wanted)
    return None


def _flat(length: int, wanted: tuple[int, int] | None) -> Layout | None:
    if wanted is None:
        size = _FLAT_SIZES.get(length)
        return None if size is None else Layout(Order.FLAT, *size)
    height, width = wanted
    channels, rest = divmod(length, height * width)
    if rest or channels not in _CHANNELS:
        return None
    return Layout(Order.FLAT, height, width, channels)


def flat_side(length: int) -> int | None:
    """The side of the square picture, gray or in colour, that a row of this length could be."""
    for channels in _CHANNELS:
        side = math.isqrt(length // channels)
        if side > 1 and side * side * channels == length:
            return side
    return None
