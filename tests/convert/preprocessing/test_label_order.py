"""Labels that are off by one, or in another order."""

from __future__ import annotations

import numpy as np
import pytest

from convert.preprocessing import label_order

CLASSES = 5
LABELS = np.tile(np.arange(CLASSES), 12)


def mistaken(answers: np.ndarray, every: int = 7) -> np.ndarray:
    """The answers with each `every`-th one wrong."""
    answers = answers.copy()
    answers[::every] = (answers[::every] + 2) % CLASSES
    return answers


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_an_offset_is_found(offset: int) -> None:
    assert label_order.best_offset(mistaken(LABELS) + offset, LABELS) == offset


def test_a_neighbour_that_is_right_a_little_more_often_is_no_offset() -> None:
    answers = np.full(len(LABELS), 9)
    answers[:2] = LABELS[:2] + 1
    assert label_order.best_offset(answers, LABELS) == 0


def test_another_order_is_found_on_photos_that_it_was_not_fitted_to() -> None:
    order = np.array([3, 0, 4, 1, 2])
    answers = mistaken(order[LABELS])
    assert label_order.is_renamed(answers, LABELS)
    assert label_order.hits_renamed(answers, LABELS).mean() > 0.8
    assert label_order.renaming(answers, LABELS) == dict(enumerate(order.tolist()))


def test_right_labels_are_in_no_other_order() -> None:
    assert not label_order.is_renamed(mistaken(LABELS), LABELS)


def test_one_answer_to_everything_is_no_other_order() -> None:
    assert label_order.renaming(np.full(len(LABELS), 2), LABELS) == {0: 2}
    assert not label_order.is_renamed(np.full(len(LABELS), 2), LABELS)


def test_labels_pushed_into_a_few_classes_are_no_other_order() -> None:
    # What pixels in a wrong range do: always the same answer to a label, but few answers.
    assert not label_order.is_renamed(np.array([3, 3, 3, 4, 4])[LABELS], LABELS)


def test_guesses_are_no_other_order() -> None:
    for seed in range(20):
        guesses = np.random.default_rng(seed).integers(0, CLASSES, len(LABELS))
        assert not label_order.is_renamed(guesses, LABELS)


def test_a_single_photo_of_a_class_says_nothing_of_its_name() -> None:
    labels = np.arange(50)
    assert not label_order.hits_renamed(labels[::-1].copy(), labels).any()


def test_chance_is_the_commonest_label_or_a_guess() -> None:
    assert label_order.chance(np.array([0, 0, 0, 1]), 2) == 0.75
    assert label_order.chance(np.arange(4), 2) == 0.5


@pytest.mark.parametrize(
    ("right", "photos", "chance", "works"),
    [
        (100, 200, 0.001, True),
        (6, 200, 0.001, False),  # surely more than chance, and of no use
        (15, 24, 0.5, False),  # of use, and not sure
        (24, 24, 0.25, True),
        (80, 100, 0.8, False),
    ],
)
def test_what_works_is_sure_and_useful(right: int, photos: int, chance: float, works: bool) -> None:
    assert label_order.works(right, photos, chance) == works
