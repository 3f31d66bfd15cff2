"""A mean and deviation of one's own, estimated where no preset fits: photos in, a trial out.

Fitted on one half of the labelled photos, by their cross-entropy, and judged on the other half by
right answers, as the presets are. A pattern search (R. Hooke and T. A. Jeeves, "Direct Search
Solution of Numerical and Statistical Problems", Journal of the ACM 8, 1961), which needs no
gradients of the model, from the best of many starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

import numpy as np

from convert.metrics import Classes
from convert.photos import Photo, Unreadable, decoded
from convert.preprocessing import label_order, paired_test
from convert.preprocessing.convention_race import BLOCK, Trial
from convert.preprocessing.conventions import Convention
from convert.preprocessing.trial_block import Block
from edge_server.inference import preprocessing
from edge_server.inference.classification import to_scores
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Output
from edge_server.inference.normalization import PRESETS, Normalization
from edge_server.inference.preprocessing import ColorOrder

if TYPE_CHECKING:
    from convert.console import Console
    from convert.sources.source import Source

# Less is within what a choice of fit costs, and no reason to doubt a preset.
MIN_GAIN: Final = 0.05
# One estimate is tested, on photos that it was not fitted to.
SURE: Final = 0.01
# Photos to fit to, and of them those that every start is tried on.
_FITTED: Final = 64
_LEAST: Final = 16
_SCREENED: Final = 16
# What the search may take, whichever comes first: predictions of one picture, and seconds.
_PREDICTIONS: Final = 8_000
_SECONDS: Final = 60.0
# Starts that are tried on all photos, and those that are improved.
_TRIED: Final = 8
_IMPROVED: Final = 2
# First and last step of the search: of the mean in deviations, of the deviation's logarithm.
_FIRST_STEP: Final = 0.5
_LAST_STEP: Final = 0.03
# A search that has gained less on the preset, in nats a photo, with its largest steps is given up.
_PROMISE: Final = 0.05
_LARGE_STEP: Final = 0.2
# A start that is this much worse than the best, in nats a photo, is as good, and says more.
_AS_GOOD: Final = 0.01
_FLOOR: Final = 1e-6

# Numbers of training scripts, for pixels 0..1, where PRESETS has none: x - 0.5, 255 twice, CIFAR-10
# (with the deviation of all pixels, and that of each picture), CIFAR-100, CLIP, MNIST.
_KNOWN: Final = (
    ((0.5,), (1.0,)),
    ((0.0,), (255.0,)),
    ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    ((0.48145, 0.45783, 0.40821), (0.26863, 0.26130, 0.27578)),
    ((0.1307,), (0.3081,)),
)
_ORDERS: Final = (ColorOrder.RGB, ColorOrder.BGR)
_GRID_MEANS: Final = (0.0, 127.5)
_GRID_STDS: Final = (0.5, 2.0, 8.0, 32.0, 64.0, 127.5, 255.0, 512.0, 2048.0, 16384.0)


@dataclass(frozen=True)
class _Point:
    """Numbers and an order of channels."""

    own: Normalization
    order: ColorOrder


@dataclass
class _Search:
    """The photos that are fitted to, as the model sees them: uint8 (n, h, w, c), RGB or gray, with
    their classes (n,); and what the search has taken."""

    model: Source
    pictures: Pixels
    classes: Classes
    ends: float
    predictions: int = 0
    # Whether numbers outside 0..1 were seen: then all are logits.
    logits: bool = False

    @property
    def over(self) -> bool:
        return self.predictions >= _PREDICTIONS or time.monotonic() > self.ends

    def loss(self, point: _Point, photos: int | None = None) -> float:
        """Cross-entropy in nats a photo, over the first `photos` or all of them."""
        pictures = self.pictures[:photos]
        if point.order is ColorOrder.BGR:
            pictures = pictures[..., ::-1]
        mean, std = (np.asarray(v, np.float32) for v in (point.own.mean, point.own.std))
        raw = self.model.predict((pictures.astype(np.float32) - mean) / std)
        self.predictions += len(pictures)
        raw = np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0)
        kind = self.model.output_kind(raw)
        self.logits = self.logits or kind is Output.LOGITS
        scores = to_scores(raw, Output.LOGITS if self.logits else kind)
        total = np.maximum(scores.sum(axis=1), _FLOOR)
        own = scores[np.arange(len(scores)), self.classes[: len(scores)]] / total
        return float(-np.log(own.clip(_FLOOR, 1)).mean())


def estimate(
    model: Source,
    photos: Sequence[Photo],
    classes: Classes,
    best: Trial,
    console: Console,
) -> Trial | None:
    """Numbers that are surely, and by far, better than the best preset; None where none are found.

    `photos` in the order that the trials were asked about them, with the model's class of each,
    int64 (photos,). The answers of the trial that comes back are those to the first half.
    """
    half = len(photos) // 2
    right = best.answers[:half] == classes[:half]
    if model.input_dtype != "float32" or half < _LEAST or 1 - right.mean() < MIN_GAIN:
        return None
    known = (classes[half:] >= 0) & (classes[half:] < model.classes)
    fitted = np.flatnonzero(known)[:_FITTED] + half
    if len(fitted) < _LEAST:
        return None
    upright = replace(best.convention, color_order=_upright(best.convention.color_order))
    spec = upright.specification(model.width, model.height)
    shown = [preprocessing.resize(pixels, spec) for _, pixels in _read([photos[i] for i in fitted])]
    search = _Search(model, np.stack(shown), classes[fitted], time.monotonic() + _SECONDS)
    own = best.convention.specification(model.width, model.height)
    preset = _Point(Normalization(own.mean, own.std), best.convention.color_order)
    found = _best(search, preset)
    convention = replace(best.convention, preset=found.own, color_order=found.order)
    answers = _answers(model, convention, photos[:half], console)
    other = answers == classes[:half]
    sure = paired_test.compare(other, right) < SURE and other.mean() - right.mean() >= MIN_GAIN
    # Numbers that drive every picture into the commonest class may beat a preset too.
    by_chance = label_order.chance(classes[:half].clip(0), model.classes)
    works = label_order.works(int(other.sum()), half, by_chance)
    return Trial(convention, answers) if sure and works else None


def _upright(order: ColorOrder) -> ColorOrder:
    return order if order is ColorOrder.GRAYSCALE else ColorOrder.RGB


def _read(photos: Sequence[Photo]) -> Iterator[tuple[Photo, Pixels]]:
    """The photos again, which could all be read before."""
    return decoded(photos, Unreadable(photos[0].path.parent, len(photos)))


def _answers(
    model: Source, convention: Convention, photos: Sequence[Photo], console: Console
) -> Classes:
    stream = _read(list(console.bar(photos, len(photos), f"trying {convention.options()}")))
    parts = []
    while part := [pixels for _, pixels in islice(stream, BLOCK)]:
        parts.append(Block(model, part).answers(convention))
    return np.concatenate(parts)


def _best(search: _Search, preset: _Point) -> _Point:
    """The best numbers for the photos that are fitted to; of equals a start, which has a reason."""
    to_beat = search.loss(preset)
    screened = _losses(search, _starts(search), _SCREENED)
    tried = {preset: to_beat} | _losses(search, _best_first(screened)[:_TRIED])
    starts = _best_first(tried)
    improved = dict(_improved(search, point, tried[point], to_beat) for point in starts[:_IMPROVED])
    best = min(improved, key=lambda point: improved[point])
    return starts[0] if tried[starts[0]] <= improved[best] + _AS_GOOD else best


def _losses(
    search: _Search, points: Iterable[_Point], photos: int | None = None
) -> dict[_Point, float]:
    """Of each, or of as many as there is time for."""
    in_time = takewhile(lambda _: not search.over, points)
    return {point: search.loss(point, photos) for point in in_time}


def _best_first(losses: dict[_Point, float]) -> list[_Point]:
    return sorted(losses, key=lambda point: losses[point])


def _starts(search: _Search) -> list[_Point]:
    """The presets, what is known of training scripts, the photos' own numbers, and a grid."""
    gray = search.pictures.shape[-1] == 1
    values = search.pictures.reshape(-1, search.pictures.shape[-1]).astype(np.float64)
    mean, std = tuple(values.mean(axis=0)), tuple(values.std(axis=0).clip(1.0))
    named = [(preset.mean, preset.std, preset.color_order) for preset in PRESETS.values()]
    named += [
        (tuple(255 * m for m in means), tuple(255 * s for s in stds), ColorOrder.RGB)
        for means, stds in _KNOWN
    ]
    named += [(mean, std, ColorOrder.RGB), (mean, (1.0,), ColorOrder.RGB)]
    named += [((m,), (s,), ColorOrder.RGB) for m in _GRID_MEANS for s in _GRID_STDS]
    found = []
    for means, stds, own in named:
        numbers = Normalization(
            *(tuple(round(float(v), 3) for v in part) for part in (means, stds))
        )
        if gray and len(numbers.mean) == len(numbers.std) == 1:
            found.append(_Point(numbers, ColorOrder.GRAYSCALE))
        elif not gray:
            found += [_Point(_in_order(numbers, own, order), order) for order in _ORDERS]
    return list(dict.fromkeys(found))


def _in_order(numbers: Normalization, own: ColorOrder, order: ColorOrder) -> Normalization:
    """Each colour keeps its numbers."""
    if own is order:
        return numbers
    return Normalization(numbers.mean[::-1], numbers.std[::-1])


def _improved(search: _Search, start: _Point, loss: float, to_beat: float) -> tuple[_Point, float]:
    """The start after a pattern search: all channels together, then one by one, in ever smaller
    steps."""
    channels = search.pictures.shape[-1]
    mean, log_std = (
        np.broadcast_to(np.asarray(v, np.float64), (channels,)).copy()
        for v in (start.own.mean, np.log(start.own.std))
    )
    directions = [np.ones(channels), *(np.eye(channels) if channels > 1 else ())]
    best, step = start, _FIRST_STEP
    while step >= _LAST_STEP and not search.over:
        if step < _LARGE_STEP and to_beat - loss < _PROMISE:
            break
        moved = False
        for direction in directions:
            for shift, stretch in ((step, 0), (-step, 0), (0, step), (0, -step)):
                means = mean + shift * np.exp(log_std) * direction
                logs = log_std + stretch * direction
                point = _Point(_rounded(means, logs), start.order)
                tried = search.loss(point)
                if tried < loss:
                    best, loss, mean, log_std, moved = point, tried, means, logs, True
                if search.over:
                    return best, loss
        if not moved:
            step /= 2
    return best, loss


def _rounded(mean: np.ndarray, log_std: np.ndarray) -> Normalization:
    means, stds = (
        tuple(float(f"{value:.4g}") for value in values) for values in (mean, np.exp(log_std))
    )
    return Normalization(*(part[:1] if len(set(part)) == 1 else part for part in (means, stds)))
