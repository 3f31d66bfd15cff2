"""Whether photos' labels and a model's classes are numbered alike; pure functions on arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from convert.metrics import Classes
from convert.preprocessing import paired_test
from convert.preprocessing.paired_test import Hits

# The model's class is the photo's label plus this: labels that begin at 1, a background class.
OFFSETS: Final = (0, -1, 1)
# A chance finding of this kind is rarer than one in a thousand.
SURE: Final = 0.001
# Fewer points are no other order: look-alike classes may gain as much by a mere exchange.
MIN_GAIN: Final = 0.10
# A share of right answers this far up from chance to perfect is the least that anybody deploys.
_USEFUL: Final = 0.10
# Another order has a class for nearly every label; pixels in a wrong range push several labels
# into one class.
_COVERED: Final = 0.75


@dataclass(frozen=True)
class Order:
    """The order that names have by a rule. `names` is in it; `classes` int64 (labels,) holds the
    class of each label in it, and NO_LABEL where there is no such label."""

    rule: str
    names: tuple[str, ...]
    classes: Classes

    def listed(self, count: int = 20) -> str:
        """Its names, or the first of many, for a sentence."""
        return ", ".join(self.names[:count]) + (" ..." if len(self.names) > count else "")


@dataclass(frozen=True)
class Origin:
    """Where the labels of photos come from. `names` are the labels of the classes, in the order
    that they were given in."""

    validation: Path
    labels_file: Path | None
    names: tuple[str, ...]

    def remedy(self, order: Order | None = None) -> str:
        """What to write so that the labels are in the model's order, or in one that is known."""
        which = "the model's order" if order is None else "that order"
        if not self.validation.is_dir():
            beside = f", and the lines of {self.labels_file}" if self.labels_file else ""
            return (
                f"Bring the label_index column of {self.validation}{beside} into {which}: 0 is the "
                "class that comes first."
            )
        if self.labels_file is not None:
            return f"Bring the lines of {self.labels_file} into {which}."
        return (
            f"Write the names of the folders in {self.validation} into a text file, one a line, in "
            f"{which}, and give it as --labels."
        )


# Neither a class nor what stands for an answer without one.
NO_LABEL: Final = -5
# Keras sorts the names of folders as text when it numbers classes, and so does PyTorch.
AS_TEXT: Final = "as text, as Keras and PyTorch sort folders"
AS_NUMBERS: Final = "as numbers"


def orders(names: Mapping[int, str]) -> tuple[Order, ...]:
    """The usual orders of the names, beside the one that the labels have already.

    `names` maps labels to names, for example 0, 1, 2 to cat, dog, bird.
    """
    rules = {AS_TEXT: sorted(names.values())}
    if all(name.isascii() and name.isdigit() for name in names.values()):
        rules[AS_NUMBERS] = sorted(names.values(), key=int)
    found = []
    for rule, ordered in rules.items():
        place = {name: index for index, name in enumerate(ordered)}
        classes = np.full(max(names, default=-1) + 1, NO_LABEL, np.int64)
        for label, name in names.items():
            classes[label] = place[name]
        # Names that are alike have no place of their own.
        if len(place) == len(ordered) and (classes != np.arange(len(classes))).any():
            found.append(Order(rule, tuple(ordered), classes))
    return tuple(found)


def in_order(labels: Classes, order: Order) -> Classes:
    """The classes of labels (n,) in an order; NO_LABEL for those that it does not have."""
    known = labels < len(order.classes)
    return np.where(known, order.classes[labels * known], NO_LABEL)


def fitting(
    answers: Classes, labels: Classes, among: Sequence[Order], classes: int
) -> Order | None:
    """The order that explains the answers (n,), None where none surely does.

    It has to make far more answers right than the labels (n,) as they are, also off by one, and
    leave nothing that yet other names would better. Nothing is fitted: an order is tried as it is.
    """
    plain = hits(answers, labels, best_offset(answers, labels))
    for order in among:
        own = in_order(labels, order)
        right = hits(answers, own)
        if (
            right.mean() - plain.mean() >= MIN_GAIN
            and paired_test.compare(right, plain) < SURE
            and works(int(right.sum()), len(labels), chance(labels, classes))
            and not is_renamed(answers, own)
        ):
            return order
    return None


def hits(answers: Classes, labels: Classes, offset: int = 0) -> Hits:
    """Which answers (n,) are right where the model's class is label + offset.

    labels (m,) with n <= m: the first of them go with the answers.
    """
    right: Hits = answers == labels[: len(answers)] + offset
    return right


def chance(labels: Classes, classes: int) -> float:
    """What the best constant answer gets right, and at least what guessing does."""
    return max(float(np.bincount(labels).max()) / len(labels), 1 / classes)


def works(right: int, photos: int, by_chance: float) -> bool:
    """Whether so many right answers are surely, and usefully, more than chance."""
    sure = paired_test.binomial_tail(right, photos, by_chance) < SURE
    return sure and is_useful(right, photos, by_chance)


def is_useful(right: int, photos: int, by_chance: float) -> bool:
    """Whether so many right answers would be worth something, were they more than luck."""
    return right / photos >= by_chance + _USEFUL * (1 - by_chance)


def best_offset(answers: Classes, labels: Classes) -> int:
    """The offset with most right answers; 0 unless another is surely better, and by far."""
    plain = hits(answers, labels)
    best = max(OFFSETS, key=lambda offset: int(hits(answers, labels, offset).sum()))
    shifted = hits(answers, labels, best)
    if shifted.mean() - plain.mean() < MIN_GAIN or paired_test.compare(shifted, plain) >= SURE:
        return 0
    return best


def renaming(answers: Classes, labels: Classes) -> dict[int, int]:
    """The model's class for each label: its commonest answer, a class to one label at most.

    Of two labels with the same commonest answer, that with more such answers gets it.
    """
    given = np.stack([labels[: len(answers)], answers.clip(0)])
    pairs, counts = np.unique(given, axis=1, return_counts=True)
    commonest: dict[int, tuple[int, int]] = {}
    for label, answer, count in zip(*pairs.tolist(), counts.tolist(), strict=True):
        if label not in commonest or count > commonest[label][1]:
            commonest[label] = (answer, count)
    found: dict[int, tuple[int, int]] = {}
    for label, (answer, count) in commonest.items():
        if answer not in found or count > found[answer][1]:
            found[answer] = (label, count)
    return {label: answer for answer, (label, _) in sorted(found.items(), key=lambda i: i[1][0])}


def hits_renamed(answers: Classes, labels: Classes) -> Hits:
    """Which answers (n,) are right after a renaming() found on the other half of the photos.

    A label with a single photo counts as wrong: nothing is known of its name.
    """
    labels = labels[: len(answers)]
    # Every other photo of each label.
    grouped = np.argsort(labels, kind="stable")
    place = np.arange(len(labels)) - np.searchsorted(labels[grouped], labels[grouped])
    half = np.zeros(len(labels), bool)
    half[grouped] = place % 2 == 0
    right = np.zeros(len(labels), bool)
    for fitted in (half, ~half):
        names = renaming(answers[fitted], labels[fitted])
        right |= ~fitted & (answers == np.array([names.get(int(k), -1) for k in labels]))
    return right


def hits_flattered(answers: Classes, labels: Classes) -> Hits:
    """Which answers (n,) are right after a renaming() found on these very photos: what other names
    could make right at the most."""
    labels = labels[: len(answers)]
    names = renaming(answers, labels)
    right: Hits = answers == np.array([names.get(int(label), NO_LABEL) for label in labels])
    return right


def is_renamed(answers: Classes, labels: Classes, offset: int = 0) -> bool:
    """Whether other names for the classes make surely, and by far, more answers right."""
    labels = labels[: len(answers)]
    several = int((np.bincount(labels) > 1).sum())
    if len(renaming(answers, labels)) < _COVERED * several:
        return False
    plain, renamed = hits(answers, labels, offset), hits_renamed(answers, labels)
    return bool(
        renamed.mean() - plain.mean() >= MIN_GAIN and paired_test.compare(renamed, plain) < SURE
    )
