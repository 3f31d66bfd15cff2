"""The gate: what passes, what fails, and what it says."""

from __future__ import annotations

import numpy as np
import pytest

from convert import metrics, validation
from convert.metrics import Scores
from convert.validation import Gate

CLASSES = 6


def answering(classes: list[int]) -> Scores:
    """Scores whose best class in row i is classes[i]."""
    return np.eye(CLASSES, dtype=np.float32)[classes]


def one_changed_of(count: int) -> tuple[Scores, Scores, np.ndarray]:
    labels = np.arange(count) % CLASSES
    changed = labels.copy()
    changed[0] = (changed[0] + 1) % CLASSES
    return answering(list(labels)), answering(list(changed)), labels


def test_the_same_answers_pass_any_gate() -> None:
    scores, _, labels = one_changed_of(10)
    judged = validation.compare(scores, scores, labels, Gate(1.0, 0.0))
    assert (judged.passed, judged.verdict, judged.failures) == (True, "passed", ())


def test_agreement_that_equals_the_gate_passes() -> None:
    before, after, labels = one_changed_of(20)
    assert validation.compare(before, after, labels, Gate(0.95, 100.0)).passed


def test_agreement_below_the_gate_fails_and_says_both_figures() -> None:
    before, after, labels = one_changed_of(20)
    judged = validation.compare(before, after, labels, Gate(0.96, 100.0))
    assert judged.verdict == "failed"
    assert len(judged.failures) == 1
    assert "95.0%" in judged.failures[0]
    assert "96.0%" in judged.failures[0]


@pytest.mark.parametrize(("max_drop", "passes"), [(1.0, True), (0.99, False)])
def test_a_drop_is_counted_in_points_of_top1(max_drop: float, passes: bool) -> None:
    before, after, labels = one_changed_of(100)
    assert validation.compare(before, after, labels, Gate(0.0, max_drop)).passed is passes


@pytest.mark.parametrize("count", [3, 7, 29, 300])
def test_a_drop_that_equals_the_gate_never_fails_by_rounding(count: int) -> None:
    before, after, labels = one_changed_of(count)
    assert validation.compare(before, after, labels, Gate(0.0, 100 / count)).passed


def test_a_candidate_that_is_more_accurate_loses_nothing() -> None:
    better, worse, labels = one_changed_of(10)
    judged = validation.compare(worse, better, labels, Gate(0.9, 0.0))
    assert judged.passed
    assert judged.candidate.top1 == 1.0


def test_both_parts_of_the_gate_are_reported_when_both_are_missed() -> None:
    before, after, labels = one_changed_of(4)
    judged = validation.compare(before, after, labels, Gate())
    assert ["--min-agreement" in f for f in judged.failures] == [True, False]
    assert ["--max-drop" in f for f in judged.failures] == [False, True]


def test_without_labels_there_is_agreement_and_no_accuracy() -> None:
    before, after, _ = one_changed_of(20)
    judged = validation.compare(before, after, None, Gate(0.95, 0.0))
    assert judged.passed
    assert judged.agreement == 0.95
    assert (judged.original.top1, judged.original.top5) == (None, None)
    assert (judged.candidate.top1, judged.candidate.top5) == (None, None)


def test_to_json_holds_what_the_comparison_found() -> None:
    before, after, labels = one_changed_of(20)
    assert validation.compare(before, after, labels, Gate()).to_json() == {
        "verdict": "failed",
        "samples": 20,
        "original": {"top1": 1.0, "top5": 1.0},
        "candidate": {"top1": 0.95, "top5": 1.0},
        "agreement": {"top1": 0.95, "interval": [0.763869, 0.991119]},
    }


def unsure(best: list[int], sureness: list[float]) -> Scores:
    """Scores whose best class in row i is best[i], by so much."""
    rows = answering(best)
    share = np.array(sureness, np.float32)[:, np.newaxis]
    return np.asarray(rows * share + (1 - share) / CLASSES, np.float32)


BEST = [number % CLASSES for number in range(20)]
EXACT = unsure(BEST, [0.9] * 20)
FAR, NEAR = unsure(BEST, [0.7] * 20), unsure(BEST, [0.88] * 20)


def test_a_changed_file_is_taken_where_it_is_clearly_nearer() -> None:
    choice = validation.choose(EXACT, FAR, NEAR)
    assert choice.changed
    assert choice.why.startswith("agreement 100.0% -> 100.0%, divergence 0.0")


def test_a_changed_file_is_not_taken_where_it_is_the_same_or_farther() -> None:
    assert not validation.choose(EXACT, FAR, FAR).changed
    assert not validation.choose(EXACT, NEAR, FAR).changed
    assert not validation.choose(EXACT, EXACT, EXACT).changed


def test_a_changed_file_is_not_taken_for_a_gain_on_one_photo() -> None:
    # Its mean divergence is smaller, by less than chance would make it.
    lucky = unsure(BEST, [0.9, *[0.697] * 19])
    assert metrics.divergence(EXACT, lucky) < metrics.divergence(EXACT, FAR)
    assert not validation.choose(EXACT, FAR, lucky).changed


def test_a_changed_file_is_not_taken_where_fewer_photos_get_the_originals_answer() -> None:
    other = unsure([(BEST[0] + 1) % CLASSES, *BEST[1:]], [0.01, *[0.9] * 19])
    assert metrics.divergence(EXACT, other) < metrics.divergence(EXACT, FAR)
    assert not validation.choose(EXACT, FAR, other).changed
