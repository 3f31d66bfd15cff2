from __future__ import annotations

import time

import pytest

from camera.state import TRANSITIONS, CameraState, CameraStatus, check_transition, clock_time

NOON = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))


def status(state, *, last_frame_at=None, error=None):
    return CameraStatus(state, "demo", 1 if last_frame_at else 0, 0.0, last_frame_at, None, error)


def test_every_state_has_its_transitions_named():
    assert set(TRANSITIONS) == set(CameraState)


def test_a_lost_camera_cannot_become_live_without_being_opened():
    with pytest.raises(ValueError, match="from lost to live"):
        check_transition(CameraState.LOST, CameraState.LIVE)


def test_a_state_is_written_as_its_name():
    assert f"{CameraState.LIVE}" == str(CameraState.LIVE) == "live"


def test_trouble_of_a_lost_camera_says_since_when_and_why():
    trouble = status(CameraState.LOST, last_frame_at=NOON, error="Plug it in.").trouble()
    assert clock_time(NOON) in trouble
    assert "Plug it in." in trouble


def test_trouble_before_the_first_picture_is_the_cause():
    assert status(CameraState.LOST, error="The folder is empty.").trouble() == (
        "The folder is empty."
    )


def test_clock_time_of_today_has_no_date():
    assert clock_time(NOON, now=NOON + 60) == "12:00:00"


def test_clock_time_of_another_day_has_its_date():
    assert clock_time(NOON, now=NOON + 86400) == "2026-11-22 12:00:00"


def test_a_lost_camera_does_not_show_its_last_frame():
    assert status(CameraState.STALLED, last_frame_at=NOON).shows
    assert not status(CameraState.LOST, last_frame_at=NOON).shows
