"""Whether photos' labels and a model's classes are numbered alike; pure functions on arrays."""

from __future__ import annotations

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
    found: dict[int, tuple[int, int]] = {}
    for label in np.unique(labels):
        counts = np.bincount(answers[labels == label].clip(0))
        answer, count = int(counts.argmax()), int(counts.max())
        if answer not in found or count > found[answer][1]:
            found[answer] = (int(label), count)
    return {label: answer for answer, (label, _) in sorted(found.items(), key=lambda i: i[1][0])}


def hits_renamed(answers: Classes, labels: Classes) -> Hits:
    """Which answers (n,) are right after a renaming() found on the other half of the photos.

    A label with a single photo counts as wrong: nothing is known of its name.
    """
    labels = labels[: len(answers)]
    # Every other photo of each label.
    half = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        half[np.flatnonzero(labels == label)[::2]] = True
    right = np.zeros(len(labels), bool)
    for fitted in (half, ~half):
        names = renaming(answers[fitted], labels[fitted])
        right |= ~fitted & (answers == np.array([names.get(int(k), -1) for k in labels]))
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
