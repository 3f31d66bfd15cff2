"""What is said of an original that is right, or is not, and of the labels that it is judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import original_accuracy
from convert.check import Check
from convert.preprocessing.label_order import Origin

CLASSES = 4
EVEN = np.tile(np.arange(CLASSES), 50)


def one_hot(answers: Any, classes: int = CLASSES) -> Any:
    """Scores (n, classes) whose best classes are `answers`."""
    return np.eye(classes, dtype=np.float32)[np.asarray(answers)]


def check(scores: Any, labels: Any, origin: Origin | None = None) -> Check:
    names = tuple(map(str, range(scores.shape[1])))
    return original_accuracy.check(scores, labels, origin or Origin(Path("a.csv"), None, names))


def passed(found: Check) -> bool:
    assert found.sentence.endswith(".")
    return found.status == "passed"


def test_an_original_that_is_mostly_right_passes() -> None:
    found = check(one_hot(np.where(np.arange(200) % 9, EVEN, 0)), EVEN)
    assert passed(found)
    assert found.figures["top1"] > 0.8
    assert found.figures["chance"] == 0.25


@pytest.mark.parametrize("offset", [-1, 1])
def test_labels_off_by_one_are_said(offset: int) -> None:
    labels = np.tile(np.arange(1, 9), 10)
    found = check(one_hot(labels + offset, 12), labels)
    assert not passed(found)
    assert found.figures["label_offset"] == offset
    assert "off by one" in found.sentence


def test_labels_in_another_order_are_said() -> None:
    order = np.array([2, 3, 1, 0])
    found = check(one_hot(order[EVEN]), EVEN)
    assert not passed(found)
    assert found.figures["labels_in_other_order"]
    assert "another order" in found.sentence


def test_an_original_that_guesses_is_said() -> None:
    guesses = np.random.default_rng(1).integers(0, CLASSES, len(EVEN))
    found = check(one_hot(guesses), EVEN)
    assert not passed(found)
    assert "no better than chance (25.0%)" in found.sentence
    assert "doctor" in found.sentence


def test_a_handful_of_right_answers_may_be_chance() -> None:
    found = check(one_hot([0, 1, 2]), np.arange(3))
    assert not passed(found)
    assert "may be chance" in found.sentence
    assert "more labelled photos" in found.sentence


def test_one_answer_to_all_unlabelled_photos_is_said() -> None:
    assert not passed(check(one_hot(np.full(60, 1)), None))
    assert passed(check(one_hot(EVEN), None))


@pytest.mark.parametrize(
    ("labels_file", "remedy"),
    [
        (None, "Write the names of the folders in {0} into a text file, one a line, in that order"),
        ("labels.txt", "Bring the lines of labels.txt into that order."),
    ],
)
def test_labels_in_the_order_of_text_are_named_with_what_to_write(
    tmp_path: Path, labels_file: str | None, remedy: str
) -> None:
    names = tuple(str(index) for index in range(12))
    labels = np.tile(np.arange(12), 10)
    place = np.array([sorted(names).index(name) for name in names])
    origin = Origin(tmp_path, Path(labels_file) if labels_file else None, names)
    found = check(one_hot(place[labels], 12), labels, origin)
    assert not passed(found)
    assert "as text, as Keras and PyTorch sort folders: 0, 1, 10, 11, 2, 3" in found.sentence
    assert remedy.format(tmp_path) in found.sentence


def test_names_in_the_order_of_a_list_of_ones_own_are_named_too() -> None:
    # Keras sorts the folders cat, dog, ant; the label file does not.
    origin = Origin(Path("a.csv"), Path("labels.txt"), ("cat", "dog", "ant", "bee"))
    found = check(one_hot(np.array([2, 3, 0, 1])[EVEN]), EVEN, origin)
    assert "as text, as Keras and PyTorch sort folders: ant, bee, cat, dog." in found.sentence
    assert "label_index column of a.csv, and the lines of labels.txt into" in found.sentence


def test_an_order_that_no_rule_makes_gets_the_general_advice(tmp_path: Path) -> None:
    origin = Origin(tmp_path, None, ("0", "1", "2", "3"))
    found = check(one_hot(np.array([2, 3, 1, 0])[EVEN]), EVEN, origin)
    assert "in the model's order, and give it as --labels" in found.sentence
    assert "CSV" not in found.sentence
