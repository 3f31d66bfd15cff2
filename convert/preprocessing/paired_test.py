"""Exact tests for answers that are right or wrong; pure functions on counts and arrays."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

Hits: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p value for two classifiers that were asked the same questions.

    `only_first` counts the questions that only the first one answered right, `only_second` the
    reverse. Where both are as good, each of these is a coin's toss.

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947), in its exact binomial form.
    """
    differing = only_first + only_second
    tail = sum(math.comb(differing, k) for k in range(min(only_first, only_second) + 1))
    return float(min(1.0, 2 * tail / 2**differing))


def compare(first: Hits, second: Hits) -> float:
    """mcnemar() of two arrays (n,) that say which questions were answered right."""
    return mcnemar(int((first & ~second).sum()), int((second & ~first).sum()))


def binomial_tail(successes: int, trials: int, chance: float) -> float:
    """Probability of at least so many successes, each of probability `chance`, 0..1."""
    if successes <= 0 or chance >= 1:
        return 1.0
    if chance <= 0:
        return 0.0
    log_hit, log_miss = math.log(chance), math.log1p(-chance)
    return min(
        1.0,
        math.fsum(
            math.exp(
                math.lgamma(trials + 1)
                - math.lgamma(k + 1)
                - math.lgamma(trials - k + 1)
                + k * log_hit
                + (trials - k) * log_miss
            )
            for k in range(successes, trials + 1)
        ),
    )
