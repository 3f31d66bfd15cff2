"""Each check warns where it should, not where it should not, and says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import checks, validation
from convert.check import Check
from convert.layer_statistics import LayerStatistics
from convert.photo_contents import Contents
from convert.validation import Gate

CLASSES = 4


def one_hot(answers: Any, classes: int = CLASSES) -> Any:
    """Scores (n, classes) whose best classes are `answers`."""
    return np.eye(classes, dtype=np.float32)[np.asarray(answers)]


def pictures(name: str, count: int, seed: int = 0) -> Contents:
    """As many different pictures."""
    random = np.random.default_rng(seed)
    files = tuple(Path(name) / f"{number}.jpg" for number in range(count))
    return Contents(files, random.integers(0, 256, (count, 32, 32, 3), np.uint8))


def passed(check: Check) -> bool:
    """Whether it passed, and proof that it is well made."""
    assert check.status in ("passed", "warned")
    assert not check.sentence[0].islower()
    assert check.sentence.endswith(".")
    assert set(check.to_json()) == {"name", "status", "sentence", "figures"}
    return check.status == "passed"


# --- Prediction collapse ------------------------------------------------------------------------

EVEN = np.tile(np.arange(CLASSES), 50)


def test_a_candidate_that_answers_one_class_has_collapsed() -> None:
    found = checks.collapse(one_hot(EVEN), one_hot(np.full(len(EVEN), 2)))
    assert not passed(found)
    assert "class 2 on 100% of the photos, the original on 25%" in found.sentence
    assert found.figures["answers_candidate"] == 1


def test_a_class_that_swallows_many_others_has_collapsed() -> None:
    after = EVEN.copy()
    after[(EVEN == 1) & (np.arange(len(EVEN)) % 8 < 4)] = 3
    assert not passed(checks.collapse(one_hot(EVEN), one_hot(after)))


def test_scattered_mistakes_are_no_collapse() -> None:
    after = EVEN.copy()
    after[::5] = (after[::5] + np.arange(len(after[::5])) % 3 + 1) % CLASSES
    assert passed(checks.collapse(one_hot(EVEN), one_hot(after)))


def test_an_original_with_one_answer_is_no_collapse_of_the_candidate() -> None:
    always = one_hot(np.full(40, 1))
    assert passed(checks.collapse(always, always))


def test_few_photos_prove_no_collapse() -> None:
    assert passed(checks.collapse(one_hot([0, 1, 2, 3]), one_hot([0, 0, 0, 3])))


# --- Photos -------------------------------------------------------------------------------------


def test_enough_different_calibration_photos_pass() -> None:
    assert passed(checks.calibration_photos(pictures("cal", 100)))


def test_too_few_calibration_photos_warn() -> None:
    found = checks.calibration_photos(pictures("cal", 20))
    assert not passed(found)
    assert "only 20 different photos" in found.sentence
    assert "at least 50" in found.sentence


def test_many_copies_of_few_photos_are_few_photos() -> None:
    few = pictures("cal", 20)
    found = checks.calibration_photos(Contents(few.files * 5, np.concatenate([few.thumbnails] * 5)))
    assert not passed(found)
    assert found.figures == {"photos": 100, "different": 20, "wanted": checks.MIN_CALIBRATION}
    assert "80 of them repeat another" in found.sentence


@pytest.mark.parametrize(("repeats", "good"), [(5, True), (40, False)])
def test_repeats_warn_where_they_outweigh(repeats: int, good: bool) -> None:
    some = pictures("cal", 100)
    found = checks.calibration_photos(
        Contents(
            some.files + some.files[:repeats],
            np.concatenate([some.thumbnails, some.thumbnails[:repeats, :, ::-1]]),
        )
    )
    assert passed(found) == good
    assert found.figures["different"] == 100


def test_sets_that_share_no_picture_pass() -> None:
    assert passed(checks.overlap(pictures("cal", 50), pictures("val", 80, seed=1)))


def test_a_single_shared_picture_warns_and_is_named() -> None:
    calibration, other = pictures("cal", 50), pictures("val", 80, seed=1)
    shared = other.thumbnails.copy()
    shared[7] = calibration.thumbnails[3]
    found = checks.overlap(calibration, Contents(other.files, shared))
    assert not passed(found)
    assert found.figures["shared"] == 1
    assert found.figures["examples"] == [["cal/3.jpg", "val/7.jpg"]]
    assert "1 calibration photo is" in found.sentence
    assert "cal/3.jpg and val/7.jpg" in found.sentence


def test_the_same_folder_for_both_is_seen() -> None:
    found = checks.overlap(pictures("cal", 60), pictures("val", 60))
    assert not passed(found)
    assert found.figures["shared"] == 60
    assert len(found.figures["examples"]) == 3


# --- The file and what it claims ----------------------------------------------------------------


def layer(name: str, saturated: float) -> LayerStatistics:
    return LayerStatistics(name, "CONV_2D", 0.1, saturated)


def test_the_most_saturated_layer_is_named() -> None:
    found = checks.saturated_activations([layer("a", 0.0), layer("b", 0.02), layer("c", 0.3)])
    assert not passed(found)
    assert "2 layers cut off more than 0.1% of the outputs, c 30.0%" in found.sentence
    assert [x["name"] for x in found.figures["saturated"]] == ["c", "b"]


@pytest.mark.parametrize("layers", [[], [layer("a", 0.0), layer("b", 0.0009)]])
def test_a_little_saturation_is_usual(layers: list[LayerStatistics]) -> None:
    assert passed(checks.saturated_activations(layers))


def compared(photos: int, labelled: bool, gate: Gate) -> Check:
    scores = one_hot(np.arange(photos) % CLASSES)
    labels = scores.argmax(axis=1) if labelled else None
    return checks.validation_size(validation.compare(scores, scores, labels, gate), gate)


@pytest.mark.parametrize(
    ("photos", "labelled", "gate", "good"),
    [
        (200, True, Gate(0.95, 1.0), True),
        (99, True, Gate(0.95, 1.0), False),  # one photo is more than a point
        (99, False, Gate(0.95, 1.0), True),
        (72, False, Gate(0.95, 1.0), False),  # all agree: the interval begins at .949
        (200, True, Gate(0.99, 1.0), False),
        (24, True, Gate(1.0, 0.0), True),  # nobody proves perfection
    ],
)
def test_a_set_is_as_large_as_the_claim(
    photos: int, labelled: bool, gate: Gate, good: bool
) -> None:
    found = compared(photos, labelled, gate)
    assert passed(found) == good
    assert (found.figures["needed"] <= photos) == good
    assert f"{photos} photos: agreement is known" in found.sentence
    if not good:
        assert f"at least {found.figures['needed']} photos" in found.sentence


def test_as_many_photos_as_are_asked_for_are_enough() -> None:
    gate = Gate(0.97, 1.0)
    needed = compared(10, False, gate).figures["needed"]
    assert passed(compared(needed, False, gate))
    low, _ = compared(needed, False, gate).figures["agreement_interval"]
    assert low >= gate.min_agreement - 1e-4


def unsure(rows: int, classes: int = 2000) -> Any:
    """Scores of a model that is never sure: the best of 2000 classes has 0.0015."""
    scores = np.full((rows, classes), 0.0005, np.float32)
    scores[np.arange(rows), np.arange(rows) % 50] = 0.0015
    return scores


def test_scores_below_a_step_of_the_output_are_not_put_down_to_calibration() -> None:
    original = unsure(100)
    found = checks.output_step(original, np.zeros_like(original))
    assert not passed(found)
    assert "1/256 = 0.0039" in found.sentence
    assert "of a score of 0.0015, leads the next by 0.001" in found.sentence
    assert "Use --io float32" in found.sentence


def test_sure_scores_and_an_output_without_steps_pass() -> None:
    assert passed(checks.output_step(one_hot(EVEN), one_hot(EVEN)))
    # Of logits, or in float.
    assert passed(checks.output_step(unsure(100), unsure(100)))


def test_a_file_without_golden_samples_proves_nothing() -> None:
    assert not passed(checks.golden_samples(0))
    assert passed(checks.golden_samples(1))
    assert "carries 4 golden samples" in checks.golden_samples(4).sentence
