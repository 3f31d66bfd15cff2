"""The original's answers to the validation photos, through the device's own preprocessing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from convert import photos
from convert.console import Console
from convert.errors import BuildError
from convert.metrics import Classes, Scores
from convert.photos import Photo, PhotoSet, Unreadable
from convert.sources import source, source_check
from convert.sources.source import Source
from edge_server.inference import preprocessing
from edge_server.inference.classification import to_scores
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import Preprocessing

# Photos to prove the conversion's function on before all of them are run.
_CHECKED: Final = 4


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


def check(original: Source, spec: Preprocessing, tests: PhotoSet) -> None:
    """Prove on a few of the photos that what is converted answers as the original does.

    Raises UsageError where it does not, or the preprocessing is not for this model.
    """
    original.check_preprocessing(spec)
    chosen = photos.evenly(tests.photos, _CHECKED)
    seen = photos.seen(chosen, Unreadable(tests.origin, len(chosen)), spec)
    pictures = [picture for _, picture in seen]
    # What lies between two photos leaves a model unsure, so that chance shows in the answer.
    between = [first // 2 + second // 2 for first, second in itertools.pairwise(pictures)]
    tensors = [preprocessing.normalize(picture, spec) for picture in (*pictures, *between)]
    if tensors:  # else the photos are the fault, which run() says
        source_check.check(original, np.concatenate(tensors))


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
    output = original.output_kind(raw)
    scores = to_scores(raw, output)
    return OriginalRun(tuple(readable), scores, output, unreadable, tests.labelled)


def _predict(original: Source, spec: Preprocessing, pictures: Sequence[Pixels]) -> Scores:
    return original.predict(np.concatenate([preprocessing.normalize(p, spec) for p in pictures]))


def scores_of(
    original: Source, spec: Preprocessing, output: Output, pictures: Sequence[Pixels]
) -> Scores:
    """The original's scores (pictures, classes) for pictures as preprocessing.resize gives them."""
    return to_scores(_predict(original, spec, pictures), output)
