from __future__ import annotations

import pytest

from camera.sources.backlog import Backlog, Slices

FRAME = 0.04


def judge(backlog, pictures):
    return [backlog.late(timestamp, now) for timestamp, now in pictures]


def live(first, count, delay=100.0):
    """Timestamps and times of pictures that come as they are made."""
    return [(n * FRAME, n * FRAME + delay) for n in range(first, first + count)]


@pytest.fixture
def settled():
    backlog = Backlog()
    assert judge(backlog, live(0, 3)) == [True, False, False]
    return backlog


def test_what_was_buffered_while_the_stream_was_opened_is_late():
    backlog = Backlog()
    buffered = [(n * FRAME, 101.0 + n * 0.001) for n in range(25)]
    assert all(judge(backlog, buffered))
    assert not any(judge(backlog, live(25, 100))[2:])


def test_after_a_pause_everything_is_late_until_the_stream_has_caught_up(settled):
    behind = [(n * FRAME, 102.0 + n * 0.001) for n in range(3, 50)]
    late = judge(settled, behind)
    assert all(late[:40])
    assert not any(judge(settled, live(51, 10)))


def test_pictures_that_come_in_bursts_are_in_time(settled):
    burst = [(n * FRAME, (n // 5) * 5 * FRAME + 100.0 + 5 * FRAME) for n in range(3, 100)]
    assert not any(judge(settled, burst))


@pytest.mark.parametrize("drift", [1.001, 0.999])
def test_clocks_may_drift(settled, drift):
    # A permille is a hundred times more than a bad clock drifts.
    assert not any(settled.late(n * FRAME, 100.0 + n * FRAME * drift) for n in range(3, 90_000))


def test_a_stream_without_timestamps_is_never_late_once_it_runs():
    backlog = Backlog()
    assert judge(backlog, [(0.0, n * FRAME) for n in range(10)]) == [True] + [False] * 9


def test_timestamps_that_begin_anew_are_accepted(settled):
    assert settled.late(0.0, 200.0)
    settled.accept()
    assert not any(judge(settled, live(0, 10, delay=200.0)[1:]))


def test_only_the_last_slice_of_a_picture_is_whole():
    slices = Slices()
    timestamps = [n * FRAME for n in range(5) for _ in range(3)]
    whole = [slices.whole(timestamp) for timestamp in timestamps]
    assert whole[3:] == [False, False, True] * 4


def test_a_picture_whose_slice_was_lost_is_left_out():
    slices = Slices()
    whole = [slices.whole(timestamp) for timestamp in (1, 1, 2, 2, 3, 4, 5, 5)]
    assert whole[2:] == [False, True, False, True, True, True]


def test_pictures_in_one_piece_are_all_whole():
    slices = Slices()
    assert all(slices.whole(timestamp) for timestamp in (0.0, 0.04, 0.08, 0.12))
