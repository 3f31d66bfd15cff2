from __future__ import annotations

import time

import numpy as np
import pytest

from camera.placeholder import Notice, draw, notice
from camera.state import CameraState, CameraStatus


def status(state, *, last_frame_at=None, error=None):
    return CameraStatus(state, "usb", 1 if last_frame_at else 0, 0.0, last_frame_at, None, error)


def test_a_lost_camera_says_since_when():
    words = notice(status(CameraState.LOST, last_frame_at=time.time(), error="Plug it in."))
    assert (words.title, words.note) == ("Camera lost", "Plug it in.")
    assert words.line.startswith("since ")


def test_a_reconnecting_camera_is_still_called_lost():
    words = notice(status(CameraState.OPENING, last_frame_at=time.time()))
    assert words.title == "Camera lost"


def test_a_starting_camera_is_not_called_lost():
    words = notice(status(CameraState.OPENING))
    assert words.title == "Starting camera"
    assert not words.lost


def test_a_camera_that_never_came_says_why():
    words = notice(status(CameraState.LOST, error="The folder is empty."))
    assert (words.title, words.note) == ("No camera", "The folder is empty.")


def test_it_is_a_colour_picture_of_640x480():
    pixels = draw(Notice("Camera lost", "since 12:00:00", "Plug it in."))
    assert (pixels.shape, pixels.dtype) == ((480, 640, 3), np.uint8)


def test_the_time_is_drawn():
    earlier = draw(Notice("Camera lost", "since 12:00:00", "Plug it in."))
    later = draw(Notice("Camera lost", "since 12:34:56", "Plug it in."))
    rows = np.nonzero((earlier != later).any(axis=(1, 2)))[0]
    assert rows.size
    assert 280 < rows.min() <= rows.max() < 330


@pytest.mark.parametrize("note", ["word " * 200, "w" * 400], ids=["words", "one word"])
def test_a_long_explanation_stays_inside(note):
    with_note, without = (draw(Notice("Camera lost", "since", text)) for text in (note, ""))
    drawn = (with_note != without).any(axis=2)
    rows, columns = np.nonzero(drawn)
    assert 40 <= columns.min() <= columns.max() <= 600
    assert rows.max() < 460
