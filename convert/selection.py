"""Which of several candidates is taken, and by how much that choice flatters the one it takes.

The winner is chosen on the photos that judge it. Halves, one to choose on and one to judge, would
leave half the photos for each, and tell the flattery of a choice on half: about twice as much.
So all photos do both, and resamples of them tell how much better the chosen one looks than it is.
Knows no files and no runtimes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from convert.metrics import Classes, Scores
from convert.options import Prefer
from convert.validation import Gate

# Times within this share of each other are taken for equal: the smaller file wins then.
_EQUAL_TIME: Final = 0.03
_RESAMPLES: Final = 1000
# The share of the photos that a resample holds, which is what its difference to the others is of.
_WEIGHT: Final = 0.632
_SEED: Final = 0

Shares = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Entry:
    """A candidate: fraction of photos with the original's answer, bytes, milliseconds."""

    agreement: float
    passed: bool
    size: int
    time: float


@dataclass(frozen=True)
class Pick:
    """The place of the chosen one, and how many are as fast as the fastest that passed."""

    index: int
    as_fast: int


def pick(entries: Sequence[Entry], prefer: Prefer) -> Pick:
    """The fastest or smallest of those that pass; where none does, the one that agrees most."""
    order = range(len(entries))
    passed = [i for i in order if entries[i].passed]
    if not passed:
        return Pick(max(order, key=lambda i: (entries[i].agreement, -entries[i].size)), 0)
    fastest = min(entries[i].time for i in passed)
    equal = [i for i in passed if entries[i].time <= fastest * (1 + _EQUAL_TIME)]
    if prefer is Prefer.SMALLEST:
        return Pick(min(passed, key=lambda i: (entries[i].size, entries[i].time)), len(equal))
    return Pick(min(equal, key=lambda i: entries[i].size), len(equal))


@dataclass(frozen=True)
class Flattery:
    """How much better the chosen one looks on the photos that chose it than on others, on the
    average: fractions 0..1 of agreement and, with labels, of top-1. `again` is the fraction of
    the resamples that choose the same one."""

    resamples: int
    agreement: float
    top1: float | None
    again: float

    def to_json(self) -> dict[str, Any]:
        return {
            "resamples": self.resamples,
            "flattery": {"agreement": self.agreement, "top1": self.top1},
            "chosen_again": self.again,
        }


def flattery(
    entries: Sequence[Entry],
    prefer: Prefer,
    gate: Gate,
    original: Scores,
    scores: Sequence[Scores],
    labels: Classes | None,
) -> Flattery:
    """What the choice among `entries` on these photos adds to the chosen one's figures.

    original (photos, classes) and one such array for each entry; labels (photos,) where they are
    known. Each resample of the photos makes the choice anew; what it takes is held against the
    same candidate's figures on the photos that it left out, and 0.632 of the mean difference
    counts. In simulated choices on 200 photos that is within 0.3 points of the truth, where halves
    say up to twice as much as is true.
    Source: B. Efron, "Estimating the Error Rate of a Prediction Rule: Improvement on
    Cross-Validation", JASA 78 (1983).
    """
    count = len(original)
    draws = np.random.default_rng(_SEED).multinomial(count, [1 / count] * count, _RESAMPLES)
    answers, own = [s.argmax(axis=1) for s in scores], original.argmax(axis=1)
    agree = np.array([a == own for a in answers])
    right = None if labels is None else np.array([a == labels for a in answers])
    agreement, drop = _shares(agree, draws), np.zeros((_RESAMPLES + 1, len(entries)))
    if labels is not None and right is not None:
        drop = 100 * (_shares((own == labels)[np.newaxis], draws) - _shares(right, draws))
    # Row 0 is of all photos as they are, the others are the resamples.
    chosen = np.array(
        [
            pick(
                [
                    Entry(a, gate.agrees(a) and gate.keeps(d), entry.size, entry.time)
                    for entry, a, d in zip(entries, agreements, drops, strict=True)
                ],
                prefer,
            ).index
            for agreements, drops in zip(agreement, drop, strict=True)
        ]
    )
    return Flattery(
        resamples=_RESAMPLES,
        agreement=_optimism(agree, draws, chosen[1:]),
        top1=None if right is None else _optimism(right, draws, chosen[1:]),
        again=float((chosen[1:] == chosen[0]).mean()),
    )


def _shares(hits: Any, draws: Any) -> Shares:
    """Booleans (candidates, photos) -> (1 + resamples, candidates): all photos first."""
    counts = np.vstack([hits.sum(axis=1), draws @ hits.T.astype(np.int64)])
    return np.asarray(counts / hits.shape[1], np.float64)


def _optimism(hits: Any, draws: Any, chosen: Any) -> float:
    """How many more hits the chosen ones have among the photos drawn than among the others."""
    own = hits[chosen].astype(np.int64)
    left_out = draws == 0
    some = left_out.any(axis=1)  # of very few photos all may be drawn
    if not some.any():
        return 0.0
    drawn = (own * draws).sum(axis=1)[some] / hits.shape[1]
    others = (own * left_out).sum(axis=1)[some] / left_out.sum(axis=1)[some]
    return float(_WEIGHT * (drawn - others).mean())
