"""Weights rounded so that the layer's output, not each weight, comes out nearest.

Source: Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for
Generative Pre-trained Transformers" (2022), arXiv 2210.17323, here for convolutions: one weight
is rounded at a time, and its error is pushed onto those that are not rounded yet, as the second
moments of the layer's input say. It is computed in the equal form of Chee, Cai, Kuleshov, De Sa,
"QuIP: 2-Bit Quantization of Large Language Models With Guarantees" (2023), arXiv 2307.13304,
section 3, which needs no inverse. The converter's scales stay as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from convert.graph_pair import WEIGHT_LIMIT
from convert.interpreter import Array

# Of the mean second moment: keeps the factors stable where few patches were seen (GPTQ's value).
_DAMPING: Final = 0.01
_BLOCK: Final = 64


def round_weights(weights: Array, moments: Array, scale: Array) -> Array:
    """Round weights to multiples of their scale.

    weights float (out, columns); moments, the sum of x x^T over inputs x, float
    (groups, columns, columns), where out divides into the groups in order; scale (out,).
    Returns int8 (out, columns), -127..127. Raises numpy.linalg.LinAlgError where the moments
    are no sums of squares.
    """
    groups, width = moments.shape[:2]
    damped = _damped(moments)
    # What matters most is rounded first, while there is most left to make up for it.
    order = np.argsort(-np.einsum("gkk->gk", damped), axis=1, kind="stable")
    for group, by_weight in zip(damped, order, strict=True):
        group[:] = group[np.ix_(by_weight, by_weight)]
    factor = _feedback(damped)
    # In units of the scale; (groups, columns, out), a column of weights in one piece of memory.
    exact = (weights / scale[:, np.newaxis]).reshape(groups, -1, width).transpose(0, 2, 1)
    exact = np.take_along_axis(np.asarray(exact, np.float64), order[:, :, np.newaxis], axis=1)
    rounded = np.empty_like(exact)
    errors = np.empty_like(exact)
    for start in range(0, width, _BLOCK):
        stop = min(start + _BLOCK, width)
        pushed = factor[:, :start, start:stop].transpose(0, 2, 1) @ errors[:, :start]
        for column in range(start, stop):
            near = factor[:, np.newaxis, start:column, column] @ errors[:, start:column]
            target = exact[:, column] + pushed[:, column - start] + near[:, 0]
            rounded[:, column] = np.clip(np.rint(target), -WEIGHT_LIMIT, WEIGHT_LIMIT)
            errors[:, column] = exact[:, column] - rounded[:, column]
    result = np.empty_like(exact)
    np.put_along_axis(result, order[:, :, np.newaxis], rounded, axis=1)
    return result.transpose(0, 2, 1).reshape(weights.shape).astype(np.int8)


def output_error(weights: Array, rounded: Array, moments: Array, scale: Array) -> float:
    """The sum of squares of the output's error over the inputs that `moments` sums up."""
    error = (weights - rounded * scale[:, np.newaxis]).astype(moments.dtype)
    error = error.reshape(len(moments), -1, moments.shape[-1])
    return float(((error @ moments) * error).sum(dtype=np.float64))


def _damped(moments: Array) -> Array:
    """Moments (groups, columns, columns) made safe to factor, float64."""
    damped = moments.astype(np.float64)
    diagonal = np.einsum("gkk->gk", damped)
    if not np.isfinite(diagonal).all():
        raise np.linalg.LinAlgError("the moments are not finite")
    mean = diagonal.mean(axis=-1, keepdims=True)
    # An input that is always zero weighs nothing: any number keeps the matrix regular.
    diagonal += np.where(mean > 0, _DAMPING * mean, 1.0)
    return damped


def _feedback(moments: Array) -> Array:
    """What a column must make up for of the error in those before it: U of moments = U D U^T.

    (groups, columns, columns), upper triangular with ones on the diagonal.
    """
    upper = np.linalg.cholesky(moments[:, ::-1, ::-1])[:, ::-1, ::-1]
    upper /= np.einsum("gkk->gk", upper).copy()[:, np.newaxis]
    return np.asarray(upper)
