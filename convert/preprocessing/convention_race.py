"""Which preprocessing does the original expect? The usual conventions, tried on labelled photos.

A race: every convention is asked about the same photos, a block at a time, and one that is surely
worse than the leader is asked no more. Photos are in a fixed random order, so that what a
convention reached on the first blocks is a fair sample.

Source: O. Maron and A. W. Moore, "Hoeffding Races", NIPS 6 (1993), here with an exact paired test
in place of Hoeffding's bound, as in M. Birattari et al., "A Racing Algorithm for Configuring
Metaheuristics", GECCO (2002).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from convert.metrics import Classes
from convert.photos import Photo, PhotoSet, Unreadable, decoded, evenly
from convert.preprocessing import conventions, label_order, paired_test
from convert.preprocessing.conventions import Convention
from convert.preprocessing.label_order import Order
from convert.preprocessing.paired_test import Hits
from convert.preprocessing.trial_block import Block
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import Fit

if TYPE_CHECKING:
    from convert.console import Console
    from convert.sources.source import Source

T = TypeVar("T")

# Photos after which the race is looked at; a normalization that is far off falls at the first look.
BLOCK: Final = 32
# Looks times conventions are about a hundred: one in ten such races drops a good one by accident.
RULED_OUT: Final = 0.001
# Normalizations that are worth trying with every fit and filter: more would cost the most and
# can hardly win, since a wrong fit costs less than a wrong normalization.
REFINED: Final = 3
# Above this, most labels have the names of the model's classes; below, a convention is not ruled
# out by labels that may be in another order.
_NAMED: Final = 0.5


@dataclass
class Trial:
    """One convention and the answers it had so far, int64 (photos seen,)."""

    convention: Convention
    answers: Classes = field(default_factory=lambda: np.empty(0, np.int64))
    live: bool = True

    def hits(self, labels: Classes, offset: int = 0) -> Hits:
        return label_order.hits(self.answers, labels, offset)


@dataclass(frozen=True)
class Race:
    """All trials, the labels of the photos in the order they were asked, what was skipped, the
    orders that the labels may have beside their own, and the photos in the same order."""

    trials: tuple[Trial, ...]
    labels: Classes
    unreadable: Unreadable
    orders: tuple[Order, ...] = ()
    photos: tuple[Photo, ...] = ()

    def finished(self) -> list[Trial]:
        """The trials that were asked about every photo."""
        return [trial for trial in self.trials if len(trial.answers) == len(self.labels)]


def run(
    model: Source,
    tests: PhotoSet,
    limit: int,
    console: Console,
    orders: tuple[Order, ...] = (),
) -> Race:
    """Race every convention that the model's input leaves open, on at most `limit` photos.

    `orders` are those that the labels may have beside their own.

    Raises BuildError where too many photos can't be read.
    """
    chosen = in_random_order(evenly(tests.photos, limit))
    unreadable = Unreadable(tests.origin, len(chosen))
    plain = conventions.normalizations(model.channels, model.input_dtype)
    trials = [Trial(convention) for convention in plain]
    labels = np.empty(0, np.int64)
    bar = console.bar(chosen, len(chosen), "trying conventions")
    asked: list[Photo] = []
    for block, part in _blocks(model, decoded(bar, unreadable), BLOCK):
        asked += part
        found = np.array([photo.label for photo in part], np.int64)
        first = not len(labels)
        labels = np.concatenate([labels, found])
        _ask(trials, block)
        rule_out(trials, labels, orders)
        if first:
            by_chance = label_order.chance(labels, model.classes)
            if not _promising(trials, labels, by_chance, orders):
                # Perhaps what the model looks at is what a centre crop takes away.
                trials += _added(trials, (replace(c, fit=Fit.STRETCH) for c in plain), block)
            best = _promising(trials, labels, by_chance, orders)[:REFINED]
            finer = (other for trial in best for other in trial.convention.refinements())
            trials += _added(trials, finer, block)
            rule_out(trials, labels, orders)
    unreadable.check()
    return Race(tuple(trials), labels, unreadable, orders, tuple(asked))


def in_random_order(items: Sequence[T]) -> list[T]:
    """The items, shuffled in the same way every time: a set is often sorted by class."""
    return [items[i] for i in np.random.default_rng(0).permutation(len(items))]


def _blocks(
    model: Source, photos: Iterator[tuple[Photo, Pixels]], size: int
) -> Iterator[tuple[Block, list[Photo]]]:
    while part := list(islice(photos, size)):
        yield Block(model, [pixels for _, pixels in part]), [photo for photo, _ in part]


def _ask(trials: Sequence[Trial], block: Block) -> None:
    for trial in trials:
        if trial.live:
            trial.answers = np.concatenate([trial.answers, block.answers(trial.convention)])


def rule_out(trials: Sequence[Trial], labels: Classes, orders: Sequence[Order] = ()) -> None:
    """End the trials that are surely worse than the leader, each with the reading of the labels
    that suits it, unless other names for the classes may yet make it better."""
    live = [(t, _best_hits(t, labels, orders)) for t in trials if t.live]
    leader = max((hits for _, hits in live), key=lambda hits: int(hits.sum()))
    for trial, hits in live:
        if _surely_worse(hits, leader):
            may_be_renamed = leader.mean() < _NAMED and not _surely_worse(
                label_order.hits_flattered(trial.answers, labels), leader
            )
            trial.live = may_be_renamed


def _surely_worse(hits: Hits, leader: Hits) -> bool:
    return bool(hits.sum() < leader.sum() and paired_test.compare(leader, hits) < RULED_OUT)


def _best_hits(trial: Trial, labels: Classes, orders: Sequence[Order]) -> Hits:
    """What is right with the labels off by one or not, in another order, or under other names."""
    readings = [trial.hits(labels, offset) for offset in label_order.OFFSETS]
    readings += [trial.hits(label_order.in_order(labels, order)) for order in orders]
    readings.append(label_order.hits_renamed(trial.answers, labels))
    return max(readings, key=lambda hits: int(hits.sum()))


def _added(trials: Sequence[Trial], wanted: Iterable[Convention], block: Block) -> list[Trial]:
    """New trials of what is not tried yet, asked about the first block."""
    tried = {trial.convention for trial in trials}
    new = [Trial(convention) for convention in dict.fromkeys(wanted) if convention not in tried]
    _ask(new, block)
    return new


def _promising(
    trials: Sequence[Trial], labels: Classes, by_chance: float, orders: Sequence[Order]
) -> list[Trial]:
    """The live trials that are surely better than chance, the best first."""
    right = {id(t): int(_best_hits(t, labels, orders).sum()) for t in trials if t.live}
    sure = [
        t
        for t in trials
        if t.live
        and paired_test.binomial_tail(right[id(t)], len(labels), by_chance) < label_order.SURE
    ]
    return sorted(sure, key=lambda t: -right[id(t)])
