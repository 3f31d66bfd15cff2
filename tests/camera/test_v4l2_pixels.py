from __future__ import annotations

import numpy as np
import pytest

from camera.errors import CameraError
from camera.sources.v4l2.pixels import Layout

RGB = (200, 40, 90)


def padded(rows, stride):
    """Rows of bytes, each filled up to `stride` with what must not be seen."""
    return b"".join(bytes(row).ljust(stride, b"\x7f") for row in rows)


def limited():
    """Y, U and V of RGB by BT.601 with limited range."""
    red, green, blue = RGB
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    cb = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    cr = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    return round(luma), round(cb), round(cr)


Y, U, V = limited()
ROWS = {
    "YUYV": [[Y, U, Y, V] * 4] * 4,
    "UYVY": [[U, Y, V, Y] * 4] * 4,
    "NV12": [[Y] * 8] * 4 + [[U, V] * 4] * 2,
    "RGB3": [RGB * 8] * 4,
    "BGR3": [RGB[::-1] * 8] * 4,
}


@pytest.mark.parametrize("padding", [0, 24])
@pytest.mark.parametrize("code", list(ROWS))
def test_a_picture_becomes_rgb_whatever_fills_up_its_rows(code, padding):
    stride = len(ROWS[code][0]) + padding
    pixels = Layout(code, (8, 4), stride).rgb(padded(ROWS[code], stride))
    assert pixels.shape == (4, 8, 3)
    assert np.abs(pixels.astype(int) - RGB).max() <= 3


@pytest.mark.parametrize("code", list(ROWS))
def test_the_last_row_need_not_be_filled_up(code):
    stride = len(ROWS[code][0]) + 24
    layout = Layout(code, (8, 4), stride)
    whole = padded(ROWS[code], stride)[:-24]
    assert len(whole) == layout.length
    assert layout.rgb(whole).shape == (4, 8, 3)
    with pytest.raises(CameraError, match=f"{len(whole) - 1} bytes of a picture of {len(whole)}"):
        layout.rgb(whole[:-1])


def test_gray_becomes_three_equal_channels():
    assert Layout("GREY", (3, 1), 3).rgb(bytes([1, 2, 3])).tolist() == [
        [[1, 1, 1], [2, 2, 2], [3, 3, 3]]
    ]


def test_the_pixels_are_not_the_drivers_memory():
    memory = bytearray(b"\x50" * 24)
    pixels = Layout("RGB3", (4, 2), 12).rgb(memory)
    memory[:] = bytes(24)
    assert (pixels == 0x50).all()
