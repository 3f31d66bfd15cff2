"""How much the choice among candidates flatters the one that it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.metrics import Scores
from convert.options import Prefer
from convert.selection import Entry, Flattery, flattery, pick
from convert.validation import Gate

GATE = Gate(min_agreement=0.95, max_drop=1.0)


def answers(classes: Any) -> Scores:
    """Scores (photos, 2) of a model that answers these classes."""
    return np.eye(2, dtype=np.float32)[np.asarray(classes)]


def judged(candidates: Any, labels: Any = None, gate: Gate = GATE) -> tuple[int, Flattery]:
    """Candidates (candidates, photos), 1 where they differ from the original; the first is the
    fastest. The chosen one, and the estimate."""
    original = np.zeros(candidates.shape[1], np.int64)
    entries = [
        Entry(1 - row.mean(), gate.agrees(1 - row.mean()), 1, 1.0 + number)
        for number, row in enumerate(candidates)
    ]
    scores = [answers(row) for row in candidates]
    estimate = flattery(entries, Prefer.FASTEST, gate, answers(original), scores, labels)
    return pick(entries, Prefer.FASTEST).index, estimate


def test_a_choice_that_is_never_in_doubt_flatters_nobody() -> None:
    same, other = np.zeros(200, np.int64), np.ones(200, np.int64)
    index, found = judged(np.array([other, same, same]))
    assert index == 1
    assert found.agreement == 0.0
    assert found.again == 1.0


def test_one_just_inside_the_gate_is_not_surely_chosen_again() -> None:
    near, same = np.zeros(200, np.int64), np.zeros(200, np.int64)
    near[:10] = 1
    index, found = judged(np.array([near, same]))
    assert index == 0
    assert 0.4 < found.again < 0.8
    assert found.agreement > 0.002


@pytest.mark.parametrize("shares", [(0.94, 0.945, 0.95, 0.955, 0.96), (0.9, 0.93, 0.95, 0.97, 1.0)])
def test_the_estimate_is_what_the_choice_adds_on_the_average(shares: tuple[float, ...]) -> None:
    """Worlds whose candidates are known: chosen on 200 photos, held against the truth."""
    random = np.random.default_rng(1)
    truth, estimate = [], []
    for _ in range(100):
        differ = (random.random((len(shares), 200)) >= np.array(shares)[:, np.newaxis]).astype(int)
        index, found = judged(differ)
        truth.append(1 - differ[index].mean() - shares[index])
        estimate.append(found.agreement)
    assert 0.003 < np.mean(truth) < 0.02
    # 100 worlds tell the truth to 0.001.
    assert np.mean(estimate) == pytest.approx(np.mean(truth), rel=0.35, abs=0.001)


def test_top1_is_flattered_too_and_unknown_without_labels() -> None:
    near, same = np.zeros(200, np.int64), np.zeros(200, np.int64)
    near[:10] = 1
    both = np.array([near, same])
    # The first ten photos are of class 1: who differs there is right.
    labels = np.zeros(200, np.int64)
    labels[:10] = 1
    assert judged(both)[1].top1 is None
    _, found = judged(both, labels)
    assert found.top1 is not None
    # Where it is chosen it has few of the photos that it alone has right.
    assert -0.03 < found.top1 < 0.0


def test_the_gate_on_accuracy_decides_in_each_resample() -> None:
    """One that agrees on all but two photos, and has both wrong: at most a point may be lost."""
    near, same = np.zeros(200, np.int64), np.zeros(200, np.int64)
    near[:2] = 1
    _, alone = judged(np.array([near, same]))
    _, with_labels = judged(np.array([near, same]), np.zeros(200, np.int64))
    assert alone.again == 1.0
    assert 0.6 < with_labels.again < 0.75


@pytest.mark.parametrize("photos", [1, 2, 3])
def test_of_very_few_photos_it_is_a_number_still(photos: int) -> None:
    same, other = np.zeros(photos, np.int64), np.ones(photos, np.int64)
    _, found = judged(np.array([other, same]))
    assert (found.agreement, found.again) == (0.0, 1.0)


def test_the_same_photos_give_the_same_figures() -> None:
    near, same = np.zeros(200, np.int64), np.zeros(200, np.int64)
    near[:10] = 1
    assert judged(np.array([near, same])) == judged(np.array([near, same]))
