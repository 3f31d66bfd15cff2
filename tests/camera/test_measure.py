from __future__ import annotations

import pytest

from camera.errors import CameraError
from camera.measure import frame_after, measure, summarise
from camera.sources.spec import from_spec


def reads(*ends, took=0.01):
    return [(end - took, end) for end in ends]


def test_the_rate_counts_distances_and_not_frames():
    assert summarise(reads(0.0, 0.1, 0.2, 0.3)).fps == pytest.approx(10.0)


def test_a_gap_counts_the_frames_that_are_missing_in_it():
    assert summarise(reads(0.0, 0.1, 0.2, 0.3, 0.6, 0.7)).drops == 2


def test_times_of_reads_are_in_milliseconds():
    measured = summarise([(0.00, 0.01), (0.10, 0.12), (0.20, 0.25)])
    assert measured.read_ms == pytest.approx((20.0, 50.0))


def test_one_picture_is_too_few_to_measure():
    with pytest.raises(CameraError, match="measure for longer"):
        summarise(reads(0.0))


def test_a_real_source_is_measured():
    measured, frame = measure(from_spec("demo"), seconds=0.5)
    assert measured.frames >= 2
    assert frame.size == (640, 480)


def test_a_lost_camera_is_reported_at_once(grab, tmp_path):
    grabber = grab(from_spec(f"folder:{tmp_path}"))
    with pytest.raises(CameraError, match="has no pictures"):
        frame_after(grabber, 0, timeout=60)
