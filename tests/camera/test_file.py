from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from camera.errors import CameraError
from camera.sources.file import FileSource, playing_speed
from camera.sources.pacing import Pacer

SHADES = [20, 60, 100, 140, 180, 220]


@pytest.fixture
def clip(tmp_path, gray):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    assert writer.isOpened()
    for shade in SHADES:
        writer.write(gray(shade))
    writer.release()
    return path


class Missing(Pacer):
    """A pacer that never sleeps and says that so many beats were missed."""

    def __init__(self, missed=0):
        super().__init__(0.04)
        self.missed = missed

    def wait(self):
        return self.missed


def shades(source, count):
    return [round(int(source.read()[0, 0, 0]) / 20) * 20 for _ in range(count)]


def test_a_clip_is_played_over_and_over(clip):
    source = FileSource(clip)
    source.open()
    source._pacer = Missing(0)
    assert shades(source, 8) == [*SHADES, 20, 60]
    source.close()


def test_a_slow_reader_skips_frames(clip):
    source = FileSource(clip)
    source.open()
    source._pacer = Missing(1)
    assert shades(source, 3) == [60, 140, 220]
    source.close()


def test_it_plays_at_the_speed_of_the_clip(clip):
    source = FileSource(clip)
    source.open()
    assert source._pacer._interval == pytest.approx(1 / 25)
    source.close()


def test_colours_are_rgb(tmp_path):
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    writer.write(np.full((48, 64, 3), (0, 0, 255), np.uint8))  # OpenCV writes BGR
    writer.release()
    source = FileSource(path)
    source.open()
    red, green, blue = source.read()[24, 32]
    source.close()
    assert red > 200
    assert max(green, blue) < 50


def test_a_missing_clip_is_named(tmp_path):
    with pytest.raises(CameraError, match=r"There is no file .*gone\.mp4"):
        FileSource(tmp_path / "gone.mp4").open()


def test_a_file_that_is_no_video_is_named(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"no video at all")
    with pytest.raises(CameraError, match=r"notes\.mp4 can't be played"):
        FileSource(path).open()


def test_a_clip_that_vanishes_is_an_error_and_not_a_hang(clip):
    source = FileSource(clip)
    source.open()
    source._pacer = Missing(0)
    shades(source, len(SHADES))
    clip.unlink()
    with pytest.raises(CameraError, match="There is no file"):
        source.read()


def test_closing_twice_is_allowed(clip):
    source = FileSource(clip)
    source.open()
    source.close()
    source.close()


@pytest.mark.parametrize(
    ("said", "played"),
    [(25.0, 25.0), (0.0, 25.0), (math.nan, 25.0), (90000.0, 25.0), (0.1, 1.0)],
)
def test_an_implausible_speed_is_corrected(said, played):
    assert playing_speed(said) == played
