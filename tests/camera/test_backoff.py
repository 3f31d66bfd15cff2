from __future__ import annotations

import pytest

from camera.backoff import Backoff


def test_pauses_double_up_to_the_longest():
    backoff = Backoff(first=0.5, longest=15.0, random=lambda: 0.0)
    assert [backoff.pause(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 15, 15]


def test_jitter_takes_at_most_half_away():
    assert Backoff(first=2.0, random=lambda: 1.0).pause(1) == pytest.approx(1.0)


def test_months_of_failures_still_give_a_pause():
    assert Backoff(longest=15.0, random=lambda: 0.0).pause(1_000_000) == 15.0
