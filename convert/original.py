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
    if not np.isfinite(raw).all():
        raise BuildError(
            f"{original.path} puts out numbers that are not finite: "
            "look at --preprocessing, and at the model itself."
        )
    output = original.output_kind(raw)
    scores = to_scores(raw, output)
    return OriginalRun(tuple(readable), scores, output, unreadable, tests.labelled)


def _predict(original: Source, spec: Preprocessing, pictures: list[Pixels]) -> Scores:
    return original.predict(np.concatenate([preprocessing.normalize(p, spec) for p in pictures]))


def scores_of(original: Source, spec: Preprocessing, output: Output, pixels: Pixels) -> Scores:
    """The original's scores (classes,) for one picture, uint8 (h, w, 3) RGB."""
    raw = _predict(original, spec, [preprocessing.resize(pixels, spec)])
    return to_scores(raw[0], output)
