"""Metrics against values worked out by hand or printed in the literature."""

from __future__ import annotations

import numpy as np
import pytest

from convert import metrics
from edge_server.inference.classification import top_indices

SCORES = np.array(
    [[0.7, 0.2, 0.1, 0.0], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]], dtype=np.float32
)


@pytest.mark.parametrize(("k", "expected"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0)])
def test_top_k_counts_rows_with_the_label_among_the_k_best(k: int, expected: float) -> None:
    labels = np.array([0, 2, 2])
    assert metrics.top_k_accuracy(SCORES, labels, k) == pytest.approx(expected)


def test_top_k_with_fewer_classes_than_k_is_always_right() -> None:
    assert metrics.top_k_accuracy(SCORES, np.array([3, 0, 3]), 5) == 1.0


def test_of_equal_scores_the_lower_index_is_the_answer() -> None:
    tied = np.full((2, 4), 0.25, np.float32)
    assert metrics.top_k_accuracy(tied, np.array([0, 1]), 1) == 0.5
    assert metrics.top_k_accuracy(tied, np.array([2, 3]), 3) == 0.5


def test_top_k_is_what_serving_would_answer_also_with_ties() -> None:
    rng = np.random.default_rng(7)
    scores = (rng.integers(0, 4, (300, 7)) / 4).astype(np.float32)
    labels = rng.integers(0, 7, 300)
    for k in (1, 2, 5):
        served = np.mean(
            [label in top_indices(row, k) for row, label in zip(scores, labels, strict=True)]
        )
        assert metrics.top_k_accuracy(scores, labels, k) == pytest.approx(served)


def test_top_k_never_falls_with_k() -> None:
    rng = np.random.default_rng(8)
    scores, labels = rng.random((100, 9)).astype(np.float32), rng.integers(0, 9, 100)
    accuracies = [metrics.top_k_accuracy(scores, labels, k) for k in range(1, 10)]
    assert accuracies == sorted(accuracies)
    assert accuracies[-1] == 1.0


def test_agreement_compares_best_classes_not_scores() -> None:
    other = SCORES[:, [0, 1, 3, 2]]
    assert metrics.top1_agreement(SCORES, SCORES**2) == 1.0
    assert metrics.top1_agreement(SCORES, other) == pytest.approx(2 / 3)


def test_agreement_breaks_ties_as_serving_does() -> None:
    rng = np.random.default_rng(9)
    one = (rng.integers(0, 3, (200, 5)) / 3).astype(np.float32)
    other = (rng.integers(0, 3, (200, 5)) / 3).astype(np.float32)
    served = np.mean(
        [top_indices(a, 1) == top_indices(b, 1) for a, b in zip(one, other, strict=True)]
    )
    assert metrics.top1_agreement(one, other) == pytest.approx(served)


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven
# methods", Statistics in Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("hits", "samples", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_that_of_the_literature(
    hits: int, samples: int, low: float, high: float
) -> None:
    assert metrics.wilson_interval(hits / samples, samples) == pytest.approx((low, high), abs=5e-5)


def test_interval_stays_within_0_and_1_and_holds_its_fraction() -> None:
    for samples in (1, 2, 10, 540, 100_000):
        for hits in {0, samples // 2, samples}:
            low, high = metrics.wilson_interval(hits / samples, samples)
            assert 0.0 <= low <= hits / samples <= high <= 1.0


def test_interval_covers_the_true_fraction_about_95_times_of_100() -> None:
    hits = np.random.default_rng(10).binomial(200, 0.93, 2000)
    intervals = [metrics.wilson_interval(h / 200, 200) for h in hits]
    covered = np.mean([low <= 0.93 <= high for low, high in intervals])
    assert 0.93 < covered < 0.97


def test_interval_narrows_with_more_samples() -> None:
    widths = [np.ptp(metrics.wilson_interval(0.95, n)) for n in (10, 100, 1000)]
    assert widths == sorted(widths, reverse=True)
