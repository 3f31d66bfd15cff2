from __future__ import annotations

import numpy as np
import pytest

from edge_server.live.pace import Pace, moves


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def run():
    """Classifies for some seconds, each frame in `took`; gives how many, and the share of time."""

    def play(took, *, fps=0.0, seconds=20.0, moving=True):
        clock = Clock()
        pace = Pace(fps, clock=clock)
        count = 0
        while clock.now < 100.0 + seconds:
            clock.now += pace.rest + took
            pace.worked(took, moves=moving)
            count += 1
        return count / seconds, count * took / seconds

    return play


def test_while_the_scene_moves_there_are_ten_answers_a_second(run):
    assert run(0.01)[0] == pytest.approx(10, abs=0.5)


def test_of_a_still_scene_there_are_four(run):
    assert run(0.01, moving=False, seconds=60)[0] == pytest.approx(4, abs=0.5)


@pytest.mark.parametrize("took", [0.06, 0.2, 1.0])
@pytest.mark.parametrize("moving", [True, False])
def test_a_slow_model_works_half_of_the_time(run, took, moving):
    assert run(took, moving=moving, seconds=60)[1] <= 0.52


@pytest.mark.parametrize("fps", [0.5, 5, 25])
def test_a_rate_that_is_asked_for_is_kept(run, fps):
    assert run(0.01, fps=fps, moving=False, seconds=60)[0] == pytest.approx(fps, rel=0.1)


def test_a_rate_that_can_t_be_had_is_not_made_up_for_later():
    clock = Clock()
    pace = Pace(10, clock=clock)
    clock.now += 5.0
    pace.worked(5.0, moves=True)
    assert pace.rest == 0.0
    clock.now += 0.01
    pace.worked(0.01, moves=True)
    assert pace.rest > 0.03


def test_what_moves_is_what_the_model_sees_change():
    calm = np.array([0.9, 0.1], np.float32)
    assert moves(calm, None)
    assert not moves(calm, np.array([0.88, 0.12], np.float32))
    assert moves(calm, np.array([0.8, 0.2], np.float32))
    assert moves(calm, np.array([0.9, 0.1, 0.0], np.float32))
