"""The short form of doctor, for a build: is another preprocessing much better than the given one?

Asks the original little: a build has its answers under the given preprocessing already, and only
the photos that it got wrong can show that another does better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from convert import metrics
from convert.console import Console
from convert.metrics import Classes
from convert.photos import Photo, PhotoSet, Unreadable, decoded
from convert.preprocessing import conventions, label_order, paired_test
from convert.preprocessing.convention_race import in_random_order
from convert.preprocessing.conventions import FITS, Convention
from convert.preprocessing.paired_test import Hits
from convert.preprocessing.trial_block import Block
from edge_server.inference.preprocessing import Preprocessing

if TYPE_CHECKING:
    from convert.original import OriginalRun
    from convert.sources.source import Source

# Fewer points are within what a choice of fit or filter costs, and no reason to stop anybody.
MIN_GAIN: Final = 0.05
# One alternative is tested, chosen on other photos for the most part: the usual strict level.
SURE: Final = 0.01
# Wrong photos that every alternative is asked about. What gains 5 points or more on a usual model
# repairs a sixth of them and more.
_SCREENED: Final = 8
# Photos on which the one alternative is compared, in blocks, until it is clear.
_COMPARED: Final = 200
_BLOCK: Final = 32
# After so many photos a difference that would be common by mere chance is not pursued.
_PATIENCE: Final = 96
_HOPELESS: Final = 0.2


@dataclass(frozen=True)
class Row:
    """A convention's accuracy, fraction 0..1, with its 95 % interval."""

    options: str
    top1: float
    interval: tuple[float, float]
    photos: int

    def to_json(self) -> dict[str, Any]:
        return {
            "options": self.options,
            "top1": round(self.top1, 5),
            "interval": list(self.interval),
            "photos": self.photos,
        }


@dataclass(frozen=True)
class Trials:
    """The given options, the figures, and a warning where another convention does much better."""

    given: str
    rows: tuple[Row, ...]
    warning: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "given": self.given,
            "rows": [row.to_json() for row in self.rows],
            "warning": self.warning,
        }


def short(
    source: Source, spec: Preprocessing, before: OriginalRun, tests: PhotoSet, console: Console
) -> Trials | None:
    """Compare the given preprocessing with the usual others; None where there are no labels.

    Asks every alternative about a few photos that the given one got wrong, then compares the one
    that got most of them right, on photos regardless. Where the given one is right or as good as
    any, this ends after the few.
    """
    labels = before.labels()
    if labels is None:
        return None
    answers = before.scores.argmax(axis=1).astype(np.int64)
    right = label_order.hits(answers, labels)
    own = conventions.describing(spec)
    given = own.options()
    rows = [_row(given, right)]
    # Where the labels are off, no preprocessing is to blame: checks.original_accuracy says so.
    off = label_order.best_offset(answers, labels) or label_order.is_renamed(answers, labels)
    if off or 1 - right.mean() < MIN_GAIN:
        return Trials(given, tuple(rows), None)
    chosen = _most_promising(source, _alternatives(source, spec, own), before.photos, right, tests)
    if chosen is None:
        return Trials(given, tuple(rows), None)
    order = in_random_order(range(len(labels)))[:_COMPARED]
    photos = [before.photos[i] for i in order]
    bar = console.bar(photos, len(photos), f"trying {chosen.options()}")
    mine, other = _compared(source, chosen, bar, right[order], tests)
    rows.append(_row(chosen.options(), other))
    warning = _warning(given, chosen, mine, other)
    return Trials(given, tuple(rows), warning)


def _row(options: str, hits: Hits) -> Row:
    top1 = float(hits.mean())
    return Row(options, top1, metrics.wilson_interval(top1, len(hits)), len(hits))


def _alternatives(source: Source, spec: Preprocessing, own: Convention) -> Iterator[Convention]:
    """Every other normalization with the given fit, and the given one with other fits.

    Other filters are left out: none costs several points.
    """
    for plain in conventions.normalizations(source.channels, source.input_dtype):
        convention = replace(plain, fit=spec.fit, filter=spec.filter)
        if convention != own:
            yield convention
    yield from (replace(own, fit=fit) for fit in FITS if fit is not own.fit)


def _most_promising(
    source: Source,
    alternatives: Iterator[Convention],
    photos: Sequence[Photo],
    right: Hits,
    tests: PhotoSet,
) -> Convention | None:
    """The one that gets most of a few wrong photos right, if it may gain enough by that."""
    wrong = in_random_order([photo for photo, hit in zip(photos, right, strict=True) if not hit])
    found = list(decoded(wrong[:_SCREENED], Unreadable(tests.origin, _SCREENED)))
    if not found:
        return None
    block = Block(source, [pixels for _, pixels in found])
    labels = np.array([photo.label for photo, _ in found], np.int64)
    repaired = {c: int((block.answers(c) == labels).sum()) for c in alternatives}
    best = max(repaired, key=lambda c: repaired[c])
    _, most = metrics.wilson_interval(repaired[best] / len(found), len(found))
    # One photo may be luck, and a share of the wrong ones is all that can be gained.
    promising = repaired[best] > 1 and most * (1 - right.mean()) >= MIN_GAIN
    return best if promising else None


def _compared(
    source: Source, chosen: Convention, photos: Iterator[Photo], right: Hits, tests: PhotoSet
) -> tuple[Hits, Hits]:
    """Which photos both got right, the given one and the chosen, until the answer is clear."""
    stream = decoded(photos, Unreadable(tests.origin, len(right)))
    other = np.empty(0, bool)
    while part := list(islice(stream, _BLOCK)):
        labels: Classes = np.array([photo.label for photo, _ in part], np.int64)
        block = Block(source, [pixels for _, pixels in part])
        other = np.concatenate([other, block.answers(chosen) == labels])
        mine = right[: len(other)]
        p = paired_test.compare(mine, other)
        hopeless = mine.mean() >= other.mean() or (len(other) >= _PATIENCE and p > _HOPELESS)
        # Several looks: each has to be surer than the last one alone.
        if hopeless or p < SURE / 10:
            break
    return right[: len(other)], other


def _warning(given: str, chosen: Convention, mine: Hits, other: Hits) -> str | None:
    gain = float(other.mean() - mine.mean())
    p = paired_test.compare(mine, other)
    if gain < MIN_GAIN or p >= SURE:
        return None
    return (
        f"{chosen.options()} does much better than {given}: the original is right on "
        f"{other.mean():.1%} of {len(other)} photos instead of {mine.mean():.1%} "
        f"(paired test: p = {p:.2g}). Run `python -m convert doctor` on it, and build again "
        "with what the model was trained with."
    )
