"""What is wrong with the way a model is fed, if anything: trials in, ranking and verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert import metrics
from convert.metrics import Classes
from convert.preprocessing import label_order, paired_test
from convert.preprocessing.convention_race import Race, Trial
from convert.preprocessing.conventions import DEFAULT_FILTER, DEFAULT_FIT, Convention
from convert.preprocessing.label_order import Order
from convert.preprocessing.paired_test import Hits

# The usual level: below it, a difference is not put down to these photos.
WORSE: Final = 0.05


@dataclass(frozen=True)
class Row:
    """A convention's figures. Fractions 0..1; `loses` in points, 0..100, against the best.

    standing: "best", "as good" (the paired test does not tell it from the best), "worse", or
    "ruled out" (surely worse after a part of the photos already, figures on that part).
    """

    convention: Convention
    photos: int
    top1: float
    interval: tuple[float, float]
    loses: float
    p: float
    standing: str

    def to_json(self) -> dict[str, Any]:
        spec = self.convention.specification(1, 1)
        return {
            "options": self.convention.options(),
            "preprocessing": self.convention.name,
            "mean": list(spec.mean),
            "std": list(spec.std),
            "color_order": self.convention.color_order.value,
            "fit": self.convention.fit.value,
            "filter": self.convention.filter.value,
            "photos": self.photos,
            "top1": round(self.top1, 5),
            "interval": list(self.interval),
            "loses_points": round(self.loses, 2),
            "p": float(f"{self.p:.3g}"),
            "standing": self.standing,
        }


@dataclass(frozen=True)
class Renamed:
    """Labels in another order: the model's class for each label, what is right with it, and
    under which convention."""

    convention: Convention
    classes: dict[int, int]
    top1: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Diagnosis:
    """Rows best first. `offset`: the model's class is the photo's label plus this.

    `use` is None where nothing works with these labels. `chance` is the share, 0..1, of the
    commonest label. `unshifted` is what the best is worth with the labels as they are. `order` is
    the usual order that the labels turned out to have, which all figures are about; None where
    they are in their own.
    """

    photos: int
    chance: float
    rows: tuple[Row, ...]
    use: Row | None
    offset: int
    unshifted: float
    renamed: Renamed | None
    order: Order | None = None

    def rivals(self) -> list[Row]:
        """The rows that are as good as the best one, the recommended one not among them."""
        return [
            row for row in self.rows if row.standing in ("best", "as good") and row is not self.use
        ]


def diagnose(race: Race, classes: int, own: Trial | None = None) -> Diagnosis:
    """Rank the trials of a race over a model of so many classes.

    `own` are numbers that are surely better than all of them, with answers to the first photos.
    """
    order = _order(race, classes)
    labels = race.labels if order is None else label_order.in_order(race.labels, order)
    finished = race.finished()
    leader = max(finished, key=lambda trial: _most_hits(trial, labels))
    offset = label_order.best_offset(leader.answers, labels)
    best = max(finished, key=lambda trial: int(trial.hits(labels, offset).sum()))
    if label_order.is_renamed(best.answers, labels, offset):
        offset = 0  # a part of another order, not the whole of it
    best = own or best
    trials = race.trials if own is None else (own, *race.trials)
    rows = sorted(
        (_row(trial, best, labels, offset) for trial in trials),
        # By points lost, since those that were ruled out early saw other, fewer photos.
        key=lambda row: (
            row.standing not in ("best", "as good"),
            row.loses,
            row.standing != "best",
        ),
    )
    right = best.hits(labels, offset)
    by_chance = label_order.chance(race.labels, classes)
    works = label_order.works(int(right.sum()), len(right), by_chance)
    shown = None if own else _renamed(race.trials, best, labels, offset, by_chance)
    # Where other names show another normalization, nothing is right with the labels as they are.
    same = shown is None or shown.convention.normalization == best.convention.normalization
    return Diagnosis(
        photos=len(labels),
        chance=by_chance,
        rows=tuple(rows),
        use=_recommended(rows) if works and same else None,
        offset=offset,
        unshifted=float(best.hits(labels).mean()),
        renamed=shown,
        order=order,
    )


def classes_of(race: Race, found: Diagnosis) -> Classes:
    """The model's class of each photo of the race, as the diagnosis reads the labels."""
    if found.order is not None:
        return label_order.in_order(race.labels, found.order)
    return race.labels + found.offset


def _order(race: Race, classes: int) -> Order | None:
    """The usual order that explains the answers of some trial, if that is the best of all."""
    found = []
    for trial in race.finished():
        if order := label_order.fitting(trial.answers, race.labels, race.orders, classes):
            right = trial.hits(label_order.in_order(race.labels, order))
            found.append((int(right.sum()), order))
    if not found:
        return None
    most, order = max(found, key=lambda item: item[0])
    plain = max(_most_hits(trial, race.labels) for trial in race.finished())
    return order if most > plain else None


def _most_hits(trial: Trial, labels: Classes) -> int:
    return max(int(trial.hits(labels, offset).sum()) for offset in label_order.OFFSETS)


def _row(trial: Trial, best: Trial, labels: Classes, offset: int) -> Row:
    hits = trial.hits(labels, offset)
    other = best.hits(labels, offset)[: len(hits)]
    same = hits[: len(other)]
    p = paired_test.compare(other, same)
    standing = "as good" if p >= WORSE or same.sum() >= other.sum() else "worse"
    if trial is best:
        standing = "best"
    elif not trial.live and len(hits) < len(labels):
        standing = "ruled out"
    top1 = float(hits.mean())
    return Row(
        convention=trial.convention,
        photos=len(hits),
        top1=top1,
        interval=metrics.wilson_interval(top1, len(hits)),
        loses=100 * float(other.mean() - same.mean()),
        p=p,
        standing=standing,
    )


def _recommended(rows: list[Row]) -> Row:
    """The best, or with its normalization the default fit and filter where they are as good."""
    best = rows[0]
    candidates = [
        row
        for row in rows
        if row.standing in ("best", "as good")
        and row.convention.normalization == best.convention.normalization
    ]
    return max(
        candidates,
        key=lambda row: (
            row.convention.fit is DEFAULT_FIT,
            row.convention.filter is DEFAULT_FILTER,
            row.top1,
        ),
    )


def _renamed(
    trials: Sequence[Trial], best: Trial, labels: Classes, offset: int, by_chance: float
) -> Renamed | None:
    """The labels' other order, where there is one: under the convention that shows it best.

    Any convention may show it, also one that was ruled out with the labels as they are. It has to
    be surely better than `best` without other names.
    """
    found: list[tuple[Trial, Hits]] = []
    for trial in trials:
        seen = labels[: len(trial.answers)]
        right = label_order.hits_renamed(trial.answers, seen)
        plain = best.hits(labels, offset)[: len(seen)]
        if (
            right.mean() - plain.mean() >= label_order.MIN_GAIN
            and paired_test.compare(right, plain) < label_order.SURE
            and label_order.is_renamed(trial.answers, seen, offset)
            and label_order.works(int(right.sum()), len(seen), by_chance)
        ):
            found.append((trial, right))
    if not found:
        return None
    trial, right = max(found, key=lambda item: _lower_end(item[1]))
    for other, hits in found:
        if other is best and paired_test.compare(hits, right[: len(hits)]) >= WORSE:
            trial, right = other, hits
    top1, photos = float(right.mean()), len(right)
    return Renamed(
        convention=trial.convention,
        classes=label_order.renaming(trial.answers, labels[:photos]),
        top1=top1,
        interval=metrics.wilson_interval(top1, photos),
    )


def _lower_end(hits: Hits) -> float:
    return metrics.wilson_interval(float(hits.mean()), len(hits))[0]
