"""Original against candidate, photo by photo and class by class: the figures behind report.html.

Pure functions on arrays: scores (photos, classes) 0..1, labels (photos,). The answer to a photo is
its best class, of equal scores the lower index, as in serving.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from convert.metrics import Classes, Scores

_Z95: Final = 1.959963984540054


@dataclass(frozen=True)
class Paired:
    """How many photos both, one or none of the two have right."""

    both_right: int
    lost: int  # only the original
    gained: int  # only the candidate
    both_wrong: int

    @property
    def total(self) -> int:
        return self.both_right + self.lost + self.gained + self.both_wrong

    def change(self) -> float:
        """Points of top-1 accuracy that the candidate gains; negative where it loses."""
        return 100 * (self.gained - self.lost) / self.total

    def change_interval(self) -> tuple[float, float]:
        """95 % interval of the change in points, for the same photos put to both.

        Source: A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched
        proportions", Statistics in Medicine 24 (2005): Wald's interval after adding 0.5 to each
        of the four counts, which holds for few photos and for no change at all.
        """
        total = self.total + 2.0
        lost, gained = (self.lost + 0.5) / total, (self.gained + 0.5) / total
        difference = gained - lost
        half = _Z95 * math.sqrt(max(0.0, lost + gained - difference**2) / total)
        return 100 * max(-1.0, difference - half), 100 * min(1.0, difference + half)


def paired(original: Scores, candidate: Scores, labels: Classes) -> Paired:
    """Count the photos by who is right."""
    before, after = original.argmax(axis=1) == labels, candidate.argmax(axis=1) == labels
    return Paired(
        both_right=int((before & after).sum()),
        lost=int((before & ~after).sum()),
        gained=int((~before & after).sum()),
        both_wrong=int((~before & ~after).sum()),
    )


def disagreements(original: Scores, candidate: Scores, labels: Classes | None) -> list[int]:
    """The rows whose answers differ: what the candidate lost first, then what it gained, then
    what both have wrong; in each the original's surest answers first."""
    before, after = original.argmax(axis=1), candidate.argmax(axis=1)

    def rank(row: int) -> tuple[int, float, int]:
        group = 0
        if labels is not None and before[row] != labels[row]:
            group = 1 if after[row] == labels[row] else 2
        return group, -float(original[row].max()), row

    return sorted((int(row) for row in np.flatnonzero(before != after)), key=rank)


@dataclass(frozen=True)
class Confidence:
    """The scores (photos,) of both for the class that the original answers, and who agrees."""

    original: Scores
    candidate: Scores
    agree: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def median_change(self) -> float:
        """Median of how far the candidate's score is from the original's, 0..1."""
        return float(np.median(np.abs(self.candidate - self.original)))

    def mean_shift(self) -> float:
        """How much surer (above 0) or less sure the candidate is of the original's answer."""
        return float((self.candidate - self.original).mean())


def confidence(original: Scores, candidate: Scores) -> Confidence:
    """What both think of the original's answers."""
    rows, answers = np.arange(len(original)), original.argmax(axis=1)
    return Confidence(
        original[rows, answers], candidate[rows, answers], answers == candidate.argmax(axis=1)
    )


@dataclass(frozen=True)
class ClassRow:
    """One class over its photos. `original` and `candidate` count the photos that get this class
    as the answer; `instead` is the candidate's commonest other answer, None where there is none."""

    index: int
    photos: int
    original: int
    candidate: int
    changed: int  # photos whose answer differs
    instead: int | None

    @property
    def difference(self) -> int:
        return self.candidate - self.original


def by_class(original: Scores, candidate: Scores, labels: Classes | None) -> list[ClassRow]:
    """A row for each class that has photos, those that changed most first, losses before gains.

    Without labels a class's photos are those that the original answers with it.
    """
    before, after = original.argmax(axis=1), candidate.argmax(axis=1)
    members = before if labels is None else labels
    rows = []
    for index in np.unique(members):
        own = members == index
        others = Counter(int(answer) for answer in after[own] if answer != index)
        rows.append(
            ClassRow(
                index=int(index),
                photos=int(own.sum()),
                original=int((before[own] == index).sum()),
                candidate=int((after[own] == index).sum()),
                changed=int((before[own] != after[own]).sum()),
                # Of equally common answers the lower class, so that the report is the same again.
                instead=min(others, key=lambda a: (-others[a], a)) if others else None,
            )
        )
    return sorted(rows, key=lambda r: (-abs(r.difference), r.difference > 0, -r.changed, r.index))
