from __future__ import annotations

from camera.sources.pacing import Pacer


class Clock:
    def __init__(self):
        self.now = 100.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def test_the_first_beat_is_now_and_the_next_an_interval_later():
    clock = Clock()
    pacer = Pacer(0.5, clock, clock.sleep)
    pacer.wait()
    pacer.wait()
    assert clock.slept == [0.5]


def test_time_spent_between_beats_is_not_slept_again():
    clock = Clock()
    pacer = Pacer(0.5, clock, clock.sleep)
    pacer.wait()
    clock.now += 0.25
    pacer.wait()
    assert clock.slept == [0.25]


def test_missed_beats_are_counted_and_not_made_up_for():
    clock = Clock()
    pacer = Pacer(0.5, clock, clock.sleep)
    pacer.wait()
    clock.now += 1.75
    assert pacer.wait() == 2
    assert pacer.wait() == 0
    assert clock.slept == [0.25]
