from __future__ import annotations

import numpy as np
import pytest

from camera.errors import CameraError
from camera.frame import Frame


def test_the_pixels_of_a_frame_cannot_be_changed(gray):
    frame = Frame(gray(7), 1, 0.0, 0.0)
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0, 0] = 1


def test_the_array_of_the_source_stays_writeable(gray):
    pixels = gray(7)
    Frame(pixels, 1, 0.0, 0.0)
    pixels[0, 0, 0] = 1


def test_pixels_become_contiguous(gray):
    assert Frame(gray(7)[:, ::-1], 1, 0.0, 0.0).pixels.flags.c_contiguous


def test_age_counts_from_the_capture(gray):
    assert Frame(gray(7), 1, 0.0, captured_monotonic=100.0).age(now=102.5) == 2.5


def test_size_is_width_and_height(gray):
    assert Frame(gray(7, (64, 48)), 1, 0.0, 0.0).size == (64, 48)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 691200), np.uint8),
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((0, 64, 3), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        None,
    ],
    ids=["flat", "gray", "alpha", "empty", "float", "none"],
)
def test_what_is_no_colour_picture_is_refused(pixels):
    with pytest.raises(CameraError):
        Frame(pixels, 1, 0.0, 0.0)
