"""A few decoded photos, and a model's answers to them under any convention, each asked once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from convert.errors import PicturesRefused
from convert.metrics import Classes
from convert.preprocessing.conventions import Convention
from edge_server.inference import preprocessing
from edge_server.inference.classification import to_scores
from edge_server.inference.decoding import Pixels
from edge_server.inference.normalization import Normalization
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit

if TYPE_CHECKING:
    from convert.sources.source import Source

# An answer that holds numbers that are not finite: no class, under any offset.
NO_CLASS: Final = -9


class Block:
    """Every photo is resized once a fit and filter, and predicted once a distinct picture.

    Square photos look the same under every fit: then one prediction stands for all of them.
    """

    def __init__(self, model: Source, photos: Sequence[Pixels]) -> None:
        """photos: each uint8 (h, w, 3), RGB."""
        self._model = model
        self._photos = photos
        self._resized: dict[tuple[Fit, Filter], list[tuple[Pixels, bytes]]] = {}
        self._answers: dict[tuple[str | Normalization, ColorOrder, bytes], int] = {}

    def answers(self, convention: Convention) -> Classes:
        """The model's best class for each photo, int64 (photos,); NO_CLASS where it has none."""
        pictures = self._pictures(convention)
        asked = (convention.preset, convention.color_order)
        fresh = {
            digest: picture for picture, digest in pictures if (*asked, digest) not in self._answers
        }
        if fresh:
            found = self._predict(convention, list(fresh.values()))
            self._answers |= {
                (*asked, digest): int(answer) for digest, answer in zip(fresh, found, strict=True)
            }
        return np.array([self._answers[(*asked, digest)] for _, digest in pictures], np.int64)

    def _pictures(self, convention: Convention) -> list[tuple[Pixels, bytes]]:
        """Each photo as the model sees it, in RGB or gray, with a digest of it."""
        key = (convention.fit, convention.filter)
        if key not in self._resized:
            spec = convention.specification(self._model.width, self._model.height)
            pictures = [preprocessing.resize(photo, spec) for photo in self._photos]
            if convention.color_order is ColorOrder.BGR:
                pictures = [picture[..., ::-1] for picture in pictures]
            self._resized[key] = [(p, hashlib.sha256(p.tobytes()).digest()) for p in pictures]
        return self._resized[key]

    def _predict(self, convention: Convention, pictures: Sequence[Pixels]) -> Classes:
        spec = convention.specification(self._model.width, self._model.height)
        if convention.color_order is ColorOrder.BGR:
            pictures = [picture[..., ::-1] for picture in pictures]
        tensors = [preprocessing.normalize(picture, spec) for picture in pictures]
        try:
            scores = self._model.predict(np.concatenate(tensors))
        except PicturesRefused:  # the model itself says that this is not its preprocessing
            return np.full(len(pictures), NO_CLASS, np.int64)
        finite = np.isfinite(scores).all(axis=1)
        if scores.shape[1] == 1:
            scores = to_scores(scores, self._model.output_kind(scores))
        return np.where(finite, scores.argmax(axis=1), NO_CLASS).astype(np.int64)
