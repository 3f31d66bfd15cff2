"""What are the numbers that a model puts out, where nothing says it? Pure functions.

The operators that make them are certain; else the numbers themselves are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edge_server.inference.classification import FULL
from edge_server.inference.manifest import Output

# Kinds of operators, whatever a framework calls them. LINEAR puts out any number.
SOFTMAX, SIGMOID, SCALE, LINEAR = "softmax", "sigmoid", "scale", "linear"

_NEAR: Final = 1e-3
# Of the sum of a picture's scores, also where each is rounded to a step of a quantized output.
_SUM: Final = 1e-2


def output_kind(values: np.ndarray[Any, Any], ending: Sequence[str] = ()) -> Output:
    """Judge the answers (n, classes) to a few pictures or many.

    `ending` names the kinds of the last operators, the last one first, as far as they are known.
    """
    last, before = (*ending, "", "")[:2]
    if last == SOFTMAX:
        return Output.PROBABILITIES
    if last == SIGMOID:
        return Output.SIGMOID
    low, high = float(values.min()), float(values.max())
    single = values.shape[1] == 1
    if low < -_NEAR or (single and last == LINEAR):
        return Output.LOGITS
    if high <= 1 + _NEAR:
        summing = np.allclose(values.sum(axis=1), 1.0, atol=_SUM)
        return Output.PROBABILITIES if summing and not single else Output.SIGMOID
    scaled = last == SCALE and before in (SOFTMAX, SIGMOID)
    for kind, full in FULL.items():
        summing = np.allclose(values.sum(axis=1), full, rtol=_SUM, atol=0)
        if (summing and not single) or (scaled and high <= full * (1 + _NEAR)):
            return kind
    return Output.LOGITS
