"""The check of the original itself: does it do on these photos what a trained model should?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from convert import metrics
from convert.check import Check
from convert.metrics import Classes, Scores
from convert.preprocessing import label_order
from convert.preprocessing.label_order import Origin
from convert.preprocessing.paired_test import Hits

NAME: Final = "original-accuracy"
# Photos of one class that all get its name are fine; a whole set of them should be meant.
_ONE_ANSWER: Final = 0.90
_MIN_ANSWERS: Final = 20
_DOCTOR: Final = "`python -m convert doctor` says more."


def check(scores: Scores, labels: Classes | None, origin: Origin) -> Check:
    """Whether the original is right on these photos, and if not, what may be wrong.

    scores (photos, classes) with 0 < photos, labels (photos,) or None where they are not known;
    `origin` says where they come from.
    """
    answers = scores.argmax(axis=1).astype(np.int64)
    if labels is None:
        return _without_labels(answers)
    right = label_order.hits(answers, labels)
    top1, by_chance = float(right.mean()), label_order.chance(labels, scores.shape[1])
    offset = label_order.best_offset(answers, labels)
    renamed = label_order.is_renamed(answers, labels, offset)
    known = label_order.orders(dict(enumerate(origin.names)))
    order = label_order.fitting(answers, labels, known, scores.shape[1])
    figures = {
        "photos": len(labels),
        "top1": round(top1, 5),
        "interval": list(metrics.wilson_interval(top1, len(labels))),
        "chance": round(by_chance, 5),
        "label_offset": 0 if renamed else offset,
        "labels_in_other_order": renamed or order is not None,
    }
    reason = _reason(right, by_chance)
    if order is not None:
        ordered = label_order.hits(answers, label_order.in_order(labels, order)).mean()
        reason = (
            f", and on {ordered:.1%} if the classes are in the order of their names {order.rule}: "
            f"{order.listed()}. {origin.remedy(order)}"
        )
    elif renamed:
        better = float(label_order.hits_renamed(answers, labels).mean())
        reason = (
            f", and on {better:.1%} if the classes had other names: the labels are in another "
            f"order than the model's classes. {origin.remedy()} {_DOCTOR}"
        )
    elif offset:
        shifted = float(label_order.hits(answers, labels, offset).mean())
        reason = (
            f", and on {shifted:.1%} with {offset:+d} on every label: the labels are off by one "
            "(a background class, or labels that begin at 1); correct the label file or the CSV. "
            f"{_DOCTOR}"
        )
    said = f"The original is right on {top1:.1%} of the photos"
    if not reason:
        return _made(warned=False, sentence=f"{said} (chance: {by_chance:.1%}).", figures=figures)
    return _made(warned=True, sentence=f"{said}{reason}", figures=figures)


def _reason(hits: Hits, by_chance: float) -> str:
    """Why so few are right, where the labels' order is not the cause; empty where they are many."""
    right = int(hits.sum())
    if label_order.works(right, len(hits), by_chance):
        return ""
    if label_order.is_useful(right, len(hits), by_chance):
        return f", which may be chance ({by_chance:.1%}): validate with more labelled photos."
    return (
        f", no better than chance ({by_chance:.1%}): --preprocessing is wrong, or the labels "
        f"are in another order than the model's classes. {_DOCTOR}"
    )


def _without_labels(answers: Classes) -> Check:
    commonest = float(np.bincount(answers).max()) / len(answers)
    warned = commonest >= _ONE_ANSWER and len(answers) >= _MIN_ANSWERS
    if warned:
        sentence = (
            f"The original answers class {int(np.bincount(answers).argmax())} on {commonest:.0%} "
            "of the photos: unless they all are of that class, --preprocessing is wrong."
        )
    else:
        sentence = (
            "Without labels nothing is known of the original's accuracy, only that it gives "
            f"{len(np.unique(answers))} different answers."
        )
    figures = {"photos": len(answers), "commonest_answer": round(commonest, 5), "top1": None}
    return _made(warned=warned, sentence=sentence, figures=figures)


def _made(*, warned: bool, sentence: str, figures: dict[str, Any]) -> Check:
    return Check(NAME, "warned" if warned else "passed", sentence, figures)
