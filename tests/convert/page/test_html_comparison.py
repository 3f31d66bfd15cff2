"""The figures behind the report: who is right, who disagrees, which classes changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.page import html_comparison
from convert.page.html_comparison import Paired


def _scores(answers: list[int], confidences: list[float] | None = None) -> Any:
    """Rows over four classes that answer so, with those scores."""
    scores = np.full((len(answers), 4), 0.01, np.float32)
    scores[np.arange(len(answers)), answers] = confidences or [0.9] * len(answers)
    return scores


def test_photos_are_counted_by_who_is_right() -> None:
    pairs = html_comparison.paired(
        _scores([0, 1, 2, 3, 0]), _scores([0, 1, 0, 1, 1]), np.array([0, 1, 2, 1, 3])
    )
    assert pairs == Paired(both_right=2, lost=1, gained=1, both_wrong=1)
    assert pairs.change() == 0.0


def test_the_change_and_its_interval_are_those_of_matched_pairs() -> None:
    pairs = Paired(both_right=85, lost=24, gained=8, both_wrong=83)
    assert pairs.change() == pytest.approx(-8.0)
    # (24.5, 8.5) of 202: -0.07921 +- 1.96 * sqrt((0.16337 - 0.07921^2) / 202)
    assert pairs.change_interval() == pytest.approx((-13.39, -2.456), abs=0.01)


def test_no_change_on_few_photos_is_no_proof() -> None:
    low, high = Paired(3, 0, 0, 0).change_interval()
    assert low == pytest.approx(-high)
    assert high > 30


def test_disagreements_come_lost_then_gained_then_both_wrong_surest_first() -> None:
    labels = np.array([0, 0, 0, 0, 0, 0])
    original = _scores([0, 1, 2, 0, 0, 1], [0.5, 0.9, 0.9, 0.8, 0.9, 0.6])
    candidate = _scores([1, 0, 3, 2, 0, 0])
    assert html_comparison.disagreements(original, candidate, labels) == [3, 0, 1, 5, 2]


def test_without_labels_disagreements_come_surest_first() -> None:
    original = _scores([0, 1, 2, 3], [0.5, 0.9, 0.7, 0.99])
    candidate = _scores([1, 0, 0, 3])
    assert html_comparison.disagreements(original, candidate, None) == [1, 2, 0]


def test_confidence_compares_both_on_the_originals_answer() -> None:
    original, candidate = _scores([0, 1], [0.9, 0.6]), _scores([0, 2], [0.7, 0.8])
    both = html_comparison.confidence(original, candidate)
    assert both.original == pytest.approx([0.9, 0.6])
    assert both.candidate == pytest.approx([0.7, 0.01])
    assert both.agree.tolist() == [True, False]
    assert both.median_change() == pytest.approx((0.2 + 0.59) / 2)
    assert both.mean_shift() == pytest.approx(-(0.2 + 0.59) / 2)


def test_classes_are_counted_and_losses_come_first() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    rows = html_comparison.by_class(
        _scores([0, 0, 0, 1, 3, 2]), _scores([0, 3, 1, 1, 1, 2]), labels
    )
    assert [(r.index, r.photos, r.original, r.candidate, r.difference) for r in rows] == [
        (0, 3, 3, 1, -2),
        (1, 2, 1, 2, 1),
        (2, 1, 1, 1, 0),
    ]
    # Classes 1 and 3 are given once each instead of 0: the lower one is named.
    assert [r.instead for r in rows] == [1, None, None]
    assert [r.changed for r in rows] == [2, 1, 0]


def test_without_labels_a_class_is_what_the_original_answers() -> None:
    rows = html_comparison.by_class(_scores([0, 0, 2]), _scores([0, 1, 2]), None)
    assert [(r.index, r.photos, r.candidate) for r in rows] == [(0, 2, 1), (2, 1, 1)]
