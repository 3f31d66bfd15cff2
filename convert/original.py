"""The original's answers to the validation photos, through the device's own preprocessing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from convert import photos
from convert.console import Console
from convert.errors import BuildError
from convert.metrics import Classes, Scores
from convert.photos import Photo, PhotoSet, Unreadable
from convert.sources import source
from convert.sources.source import Source
from edge_server.inference import preprocessing
from edge_server.inference.classification import to_scores
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import Preprocessing


@dataclass(frozen=True)
class OriginalRun:
    """Scores 0..1, float32 (photos, classes), of the readable photos; what the output is."""

    photos: tuple[Photo, ...]
    scores: Scores
    output: Output
    unreadable: Unreadable
    labelled: bool

    def labels(self) -> Classes | None:
        """The photos' classes (photos,), None where they are not known."""
        if not self.labelled:
            return None
        return np.array([photo.label for photo in self.photos], np.int64)


def run(original: Source, spec: Preprocessing, tests: PhotoSet, console: Console) -> OriginalRun:
    """Score every readable photo. Raises BuildError where too many can't be read."""
    unreadable = Unreadable(tests.origin, len(tests.photos))
    readable: list[Photo] = []
    waiting: list[Pixels] = []
    parts: list[Scores] = []
    bar = console.bar(tests.photos, len(tests.photos), "running the original")
    for photo, picture in photos.seen(bar, unreadable, spec):
        readable.append(photo)
        waiting.append(picture)
        if len(waiting) == source.BATCH:
            parts.append(_predict(original, spec, waiting))
            waiting = []
    if waiting:
        parts.append(_predict(original, spec, waiting))
    unreadable.check()
    raw = np.concatenate(parts)
    infinite = np.flatnonzero(~np.isfinite(raw).all(axis=1))
    if infinite.size:
        raise BuildError(
            f"{original.path} itself, before any conversion, answers {infinite.size} of "
            f"{len(raw)} photos with numbers that are infinite or none (NaN); the first is "
            f"{readable[infinite[0]].path}. Look at what it computes there, as the logarithm of 0 "
            "or the root of less than 0, and whether --preprocessing is what it was trained with."
        )
    output = output_kind(raw)
    scores = np.stack([to_scores(row, output) for row in raw])
    return OriginalRun(tuple(readable), scores, output, unreadable, tests.labelled)


def _predict(original: Source, spec: Preprocessing, pictures: list[Pixels]) -> Scores:
    return original.predict(np.concatenate([preprocessing.normalize(p, spec) for p in pictures]))


def scores_of(original: Source, spec: Preprocessing, output: Output, pixels: Pixels) -> Scores:
    """The original's scores (classes,) for one picture, uint8 (h, w, 3) RGB."""
    raw = _predict(original, spec, [preprocessing.resize(pixels, spec)])
    return to_scores(raw[0], output)


def output_kind(raw: Scores) -> Output:
    """What a model puts out, judged from raw (n, classes)."""
    if raw.min() < -1e-4 or raw.max() > 1 + 1e-4:
        return Output.LOGITS
    if np.allclose(raw.sum(axis=1), 1.0, atol=1e-2):
        return Output.PROBABILITIES
    return Output.SIGMOID
