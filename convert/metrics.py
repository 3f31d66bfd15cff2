"""Pure functions on score arrays: accuracy, agreement, interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Scores = np.ndarray[Any, np.dtype[np.float32]]
Classes = np.ndarray[Any, np.dtype[np.int64]]
Divergences = np.ndarray[Any, np.dtype[np.float64]]

# The two-sided 95 % point of the normal distribution.
_Z95 = 1.959963984540054


def top_k_accuracy(scores: Scores, labels: Classes, k: int) -> float:
    """Fraction of rows whose label is among the k highest scores.

    scores (n, classes), labels (n,), 0 < n. Of equal scores the lower index counts as higher,
    as in serving.
    """
    own = scores[np.arange(len(labels)), labels][:, np.newaxis]
    index = np.arange(scores.shape[1])[np.newaxis]
    ahead = (scores > own) | ((scores == own) & (index < labels[:, np.newaxis]))
    return float((ahead.sum(axis=1) < k).mean())


def top1_agreement(original: Scores, candidate: Scores) -> float:
    """Fraction of rows in which both have the same best class. Both (n, classes), 0 < n."""
    return float((original.argmax(axis=1) == candidate.argmax(axis=1)).mean())


def divergence(original: Scores, candidate: Scores) -> float:
    """The mean of divergences(), 0 < n."""
    return float(divergences(original, candidate).mean())


def divergences(original: Scores, candidate: Scores) -> Divergences:
    """Jensen-Shannon divergence of each row, in nats: 0 is equal, log 2 = 0.693 the most.

    Both (n, classes) -> (n,); rows are taken as distributions. Finite also where a quantized score
    is 0. Source: J. Lin, "Divergence Measures Based on the Shannon Entropy", IEEE Transactions on
    Information Theory 37 (1991).
    """
    first, second = (_distributions(scores) for scores in (original, candidate))
    middle = (first + second) / 2
    both = _relative_entropy(first, middle) + _relative_entropy(second, middle)
    return np.asarray(both / 2, np.float64)


def _distributions(scores: Scores) -> Any:
    rows = np.maximum(scores.astype(np.float64), 0.0)
    return rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)


def _relative_entropy(rows: Any, others: Any) -> Any:
    """The sum over a row of p log(p / q), where p is 0 nothing. (n,)"""
    ratio = np.divide(rows, others, out=np.ones_like(rows), where=rows > 0)
    return (rows * np.log(ratio)).sum(axis=1)


def wilson_interval(fraction: float, samples: int) -> tuple[float, float]:
    """95 % interval of a fraction seen in `samples` trials.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927). Unlike the normal approximation it holds near 0 and 1 and for few samples.
    """
    z2 = _Z95 * _Z95
    centre = fraction + z2 / (2 * samples)
    half = _Z95 * math.sqrt(fraction * (1 - fraction) / samples + z2 / (4 * samples**2))
    scale = 1 + z2 / samples
    low, high = (centre - half) / scale, (centre + half) / scale
    return max(0.0, round(low, 6)), min(1.0, round(high, 6))
