"""Scores of single frames -> scores over time, so that a label does not flicker. Pure numbers."""

from __future__ import annotations

import math
from typing import Final

from edge_server.inference.preprocessing import FloatTensor

# After a pause of so many time constants the average before it weighs 2 %: it begins anew.
_FORGOTTEN: Final = 4.0
# Another class takes over when it has so many times the score of the one that is shown: where two
# are as likely as each other, the smallest noise would change it. Half against half it is 0.05.
_LEAD: Final = 1.1


class Smoothing:
    """An exponential average of scores, by the frames' own times.

    A score that came `t` seconds before the newest one weighs exp(-t / seconds) as much, however
    many frames a second there are: half of a change is seen after 0.7 of the time constant.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds` is the time constant; with 0 each frame stands for itself."""
        self._seconds = seconds
        self._average: FloatTensor | None = None
        self._at = 0.0
        self._best = 0

    @property
    def average(self) -> FloatTensor | None:
        """The scores until now, float32 (classes,); None where there are none."""
        return self._average

    @property
    def best(self) -> int:
        """The class that is seen: the one with the highest score, or one that nearly has it and
        was the best before."""
        return self._best

    def reset(self) -> None:
        """Forget what was seen: the next scores stand for themselves."""
        self._average = None

    def add(self, scores: FloatTensor, at: float) -> FloatTensor:
        """The average with the scores of a frame, float32 (classes,), captured `at` seconds."""
        passed = at - self._at
        self._at = at
        if self._average is None or passed >= _FORGOTTEN * self._seconds:
            self._average, self._best = scores, int(scores.argmax())
            return scores
        share = -math.expm1(-passed / self._seconds)
        average: FloatTensor = self._average + share * (scores - self._average)
        best = int(average.argmax())
        if average[best] > _LEAD * average[self._best]:
            self._best = best
        self._average = average
        return average
