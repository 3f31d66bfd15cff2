"""Folders that are named by numbers: which class does each mean? The original's answers tell.

Keras numbers folders by their names as text: 0, 1, 10, 11, 2. A folder's number is then not the
index of its class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from convert import photos
from convert.check import Check
from convert.original import OriginalRun
from convert.preprocessing import label_order, paired_test

# Chance makes such a finding once in a million builds: what labels say must not hang on it.
_SURE: Final = 1e-6


@dataclass(frozen=True)
class Settled:
    """The labels of the classes, the original's run with the photos' classes, and a warning where
    they are not as they came."""

    labels: tuple[str, ...]
    before: OriginalRun
    warning: Check | None = None


def labels_of(validation: Path, classes: int) -> tuple[str, ...]:
    """One label for each class where no label file says it: the names of the folders in their
    order, where there are as many and not all are indices of classes, else numbers."""
    names = photos.class_folders(validation)
    if len(names) == classes and not all(photos.is_index(name, classes) for name in names):
        return names
    return tuple(str(index) for index in range(classes))


def settle(validation: Path, labels: tuple[str, ...], before: OriginalRun) -> Settled:
    """Another order of folders named by numbers, where the answers prove it; else all as it came.

    `labels` are those of labels_of(). There has to be a folder for every class.
    """
    known, names = before.labels(), photos.class_folders(validation)
    classes = before.scores.shape[1]
    if known is None or len(names) != classes or not all(map(_is_number, names)):
        return Settled(labels, before)
    # As the photos were labelled: by the index that is a folder's name, or by the label.
    named = dict(enumerate(labels))
    if all(photos.is_index(name, classes) for name in names):
        named = {int(name): name for name in names}
    answers = before.scores.argmax(axis=1).astype(np.int64)
    order = label_order.fitting(answers, known, label_order.orders(named), classes)
    if order is None:
        return Settled(labels, before)
    own = label_order.in_order(known, order)
    right, plain = label_order.hits(answers, own), label_order.hits(answers, known)
    if paired_test.compare(right, plain) >= _SURE:
        return Settled(labels, before)
    relabelled = tuple(
        replace(photo, label=int(label)) for photo, label in zip(before.photos, own, strict=True)
    )
    sentence = (
        f"The names of the folders in {validation} are taken in the order of the model's classes, "
        f"{order.rule}: {order.listed()}. The original is right on {right.mean():.1%} of "
        f"{len(right)} photos so, and on {plain.mean():.1%} with the number of a folder as the "
        "index of its class. The labels are written in that order; --labels FILE says another."
    )
    figures = {
        "rule": order.rule,
        "labels": list(order.names),
        "top1": round(float(right.mean()), 5),
        "top1_by_number": round(float(plain.mean()), 5),
    }
    found = replace(before, photos=relabelled)
    return Settled(order.names, found, Check("folder-order", "warned", sentence, figures))


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
