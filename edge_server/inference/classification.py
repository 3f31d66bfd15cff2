"""What an answer is: classes with confidences, and the time that each part took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import FloatTensor

DEFAULT_TOP_K: Final = 5


@dataclass(frozen=True)
class Prediction:
    """One class: its label, its index in the output, its confidence 0..1."""

    label: str
    index: int
    confidence: float


@dataclass(frozen=True)
class Timing:
    """Milliseconds that an answer took, part by part.

    `queue` is the wait for an interpreter; `output` is what makes classes of its numbers.
    """

    decode: float = 0.0
    preprocess: float = 0.0
    queue: float = 0.0
    invoke: float = 0.0
    output: float = 0.0

    @property
    def total(self) -> float:
        """All parts together."""
        return self.decode + self.preprocess + self.queue + self.invoke + self.output

    def __add__(self, other: Timing) -> Timing:
        return Timing(
            self.decode + other.decode,
            self.preprocess + other.preprocess,
            self.queue + other.queue,
            self.invoke + other.invoke,
            self.output + other.output,
        )


def _none() -> FloatTensor:
    return np.empty(0, np.float32)


@dataclass(frozen=True)
class Classification:
    """The classes of one image, most confident first, never empty.

    `scores` are those of all classes, float32 (classes,), 0..1.
    """

    top: tuple[Prediction, ...]
    timing: Timing
    scores: FloatTensor = field(default_factory=_none, compare=False, repr=False)


# What a certain answer is in a model's numbers, where that is not 1.
FULL: Final = {Output.PERCENTAGES: 100.0, Output.LEVELS: 255.0}


def to_scores(values: np.ndarray[Any, Any], output: Output) -> FloatTensor:
    """What a model puts out, float32 (..., classes), as scores 0..1.

    A single number (..., 1) gives the scores of two classes, (..., 2): its probability is that of
    the second, its logit the second's above the first's.
    """
    if output in FULL:
        values = np.asarray(values / np.float32(FULL[output]), np.float32)
    if values.shape[-1] == 1:
        other = np.zeros_like(values) if output is Output.LOGITS else 1 - values
        values = np.concatenate([other, values], axis=-1)
    if output is not Output.LOGITS:
        return values
    exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
    scores: FloatTensor = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return scores


def top_indices(scores: FloatTensor, count: int) -> list[int]:
    """The indices of the `count` highest scores, best first; of equal ones the lower index."""
    # What is no number comes last. Few are left to be sorted: those up to the last, and its equals.
    negated, among = -scores, np.arange(len(scores))
    if count < len(scores):
        among = np.flatnonzero(~(negated > np.partition(negated, count - 1)[count - 1]))
    order = among[np.argsort(negated[among], kind="stable")[:count]]
    return [int(index) for index in order]


def best(
    labels: Sequence[str],
    scores: FloatTensor,
    top_k: int = DEFAULT_TOP_K,
    *,
    first: int | None = None,
) -> tuple[Prediction, ...]:
    """The `top_k` best classes of scores (classes,), best first; class `first` before them all."""
    indices = top_indices(scores, top_k)
    if first is not None and first != indices[0]:
        indices = [first, *(index for index in indices if index != first)][:top_k]
    return tuple(Prediction(labels[index], index, float(scores[index])) for index in indices)
