"""The exact tests, against numbers worked out elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from convert.preprocessing import paired_test


@pytest.mark.parametrize(
    ("first", "second", "p"),
    # 2 * sum(C(n, k), k = 0..min) / 2^n, by hand.
    [(0, 0, 1.0), (1, 0, 1.0), (5, 0, 0.0625), (10, 2, 158 / 4096), (3, 3, 1.0)],
)
def test_mcnemars_exact_p_value(first: int, second: int, p: float) -> None:
    assert paired_test.mcnemar(first, second) == pytest.approx(p)
    assert paired_test.mcnemar(second, first) == pytest.approx(p)


def test_thousands_of_differing_answers_are_no_overflow() -> None:
    assert paired_test.mcnemar(3000, 2000) < 1e-40
    assert 0.9 < paired_test.mcnemar(2500, 2500) <= 1.0


def test_only_the_questions_that_one_of_two_got_right_count() -> None:
    first = np.array([True] * 7 + [False] * 90 + [True] * 3)
    second = np.array([False] * 7 + [False] * 90 + [True] * 3)
    assert paired_test.compare(first, second) == pytest.approx(2 / 2**7)


@pytest.mark.parametrize(
    ("successes", "trials", "chance", "p"),
    [(0, 10, 0.5, 1.0), (10, 10, 0.5, 0.5**10), (1, 3, 0.5, 0.875), (2, 2, 0.1, 0.01)],
)
def test_the_tail_of_the_binomial_distribution(
    successes: int, trials: int, chance: float, p: float
) -> None:
    assert paired_test.binomial_tail(successes, trials, chance) == pytest.approx(p)


@pytest.mark.parametrize(("chance", "p"), [(0.0, 0.0), (1.0, 1.0)])
def test_what_never_or_always_happens(chance: float, p: float) -> None:
    assert paired_test.binomial_tail(3, 5, chance) == p
