"""What is wrong with the way a model is fed, if anything: trials in, ranking and verdict out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from convert import metrics
from convert.metrics import Classes
from convert.preprocessing import label_order, paired_test
from convert.preprocessing.convention_race import Race, Trial
from convert.preprocessing.conventions import DEFAULT_FILTER, DEFAULT_FIT, Convention

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
        return {
            "options": self.convention.options(),
            "preprocessing": self.convention.preset,
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

    `use` is None where nothing works. `chance` is the share, 0..1, of the commonest label.
    `unshifted` is what the best is worth with the labels as they are.
    """

    photos: int
    chance: float
    rows: tuple[Row, ...]
    use: Row | None
    offset: int
    unshifted: float
    renamed: Renamed | None

    def rivals(self) -> list[Row]:
        """The rows that are as good as the best one, the recommended one not among them."""
        return [
            row for row in self.rows if row.standing in ("best", "as good") and row is not self.use
        ]


def diagnose(race: Race, classes: int) -> Diagnosis:
    """Rank the trials of a race over a model of so many classes."""
    labels = race.labels
    finished = race.finished()
    leader = max(finished, key=lambda trial: _most_hits(trial, labels))
    offset = label_order.best_offset(leader.answers, labels)
    best = max(finished, key=lambda trial: int(trial.hits(labels, offset).sum()))
    if label_order.is_renamed(best.answers, labels, offset):
        offset = 0  # a part of another order, not the whole of it
    rows = sorted(
        (_row(trial, best, labels, offset) for trial in race.trials),
        # By points lost, since those that were ruled out early saw other, fewer photos.
        key=lambda row: (
            row.standing not in ("best", "as good"),
            row.loses,
            row.standing != "best",
        ),
    )
    right = int(best.hits(labels, offset).sum())
    by_chance = label_order.chance(labels, classes)
    works = label_order.works(right, len(labels), by_chance)
    return Diagnosis(
        photos=len(labels),
        chance=by_chance,
        rows=tuple(rows),
        use=_recommended(rows) if works else None,
        offset=offset,
        unshifted=float(best.hits(labels).mean()),
        renamed=_renamed(race, best if works else None, offset, by_chance),
    )


def _most_hits(trial: Trial, labels: Classes) -> int:
    return max(int(trial.hits(labels, offset).sum()) for offset in label_order.OFFSETS)


def _row(trial: Trial, best: Trial, labels: Classes, offset: int) -> Row:
    hits = trial.hits(labels, offset)
    other = best.hits(labels, offset)[: len(hits)]
    p = paired_test.compare(other, hits)
    standing = "as good" if p >= WORSE or hits.sum() >= other.sum() else "worse"
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
        loses=100 * float(other.mean() - top1),
        p=p,
        standing=standing,
    )


def _recommended(rows: list[Row]) -> Row:
    """The best, or with its normalization the default fit and filter where they are as good."""
    best = rows[0]
    normalization = (best.convention.preset, best.convention.color_order)
    candidates = [
        row
        for row in rows
        if row.standing in ("best", "as good")
        and (row.convention.preset, row.convention.color_order) == normalization
    ]
    return max(
        candidates,
        key=lambda row: (
            row.convention.fit is DEFAULT_FIT,
            row.convention.filter is DEFAULT_FILTER,
            row.top1,
        ),
    )


def _renamed(race: Race, best: Trial | None, offset: int, by_chance: float) -> Renamed | None:
    """The labels' other order, where there is one: under the convention that shows it best.

    Where nothing works (`best` is None) any convention may show it, also one that was ruled out.
    """
    found: list[tuple[Trial, float, int]] = []
    for trial in race.trials if best is None else (best,):
        seen = race.labels[: len(trial.answers)]
        right = label_order.hits_renamed(trial.answers, seen)
        if label_order.is_renamed(trial.answers, seen, offset) and label_order.works(
            int(right.sum()), len(seen), by_chance
        ):
            found.append((trial, float(right.mean()), len(seen)))
    if not found:
        return None
    trial, top1, photos = max(found, key=lambda item: metrics.wilson_interval(*item[1:])[0])
    return Renamed(
        convention=trial.convention,
        classes=label_order.renaming(trial.answers, race.labels[:photos]),
        top1=top1,
        interval=metrics.wilson_interval(top1, photos),
    )
