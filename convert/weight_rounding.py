"""Weights rounded so that the layer's output, not each weight, comes out nearest.

Source: Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for
Generative Pre-trained Transformers" (2022), arXiv 2210.17323, here for convolutions: one weight
is rounded at a time, and its error is pushed onto those that are not rounded yet, as the second
moments of the layer's input say. The converter's scales stay as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from convert.graph_pair import WEIGHT_LIMIT
from convert.interpreter import Array

# Of the mean second moment: keeps the inverse stable where few patches were seen (GPTQ's value).
_DAMPING: Final = 0.01
_BLOCK: Final = 64


def round_weights(weights: Array, moments: Array, scale: Array) -> Array:
    """Round weights to multiples of their scale.

    weights float (out, columns); moments, the sum of x x^T over inputs x, float64
    (columns, columns) for all outputs or (out, columns, columns) for each its own; scale (out,).
    Returns int8 (out, columns), -127..127. Raises numpy.linalg.LinAlgError where the moments
    are no sum of squares.
    """
    if moments.ndim == 3:
        return _round_each(weights, moments, scale)
    damped = _damped(moments[np.newaxis])[0]
    order = np.argsort(-np.diag(damped), kind="stable")
    factor = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    rest = weights.astype(np.float64)[:, order]
    rounded = np.zeros_like(rest)
    for start in range(0, rest.shape[1], _BLOCK):
        stop = min(start + _BLOCK, rest.shape[1])
        errors = np.zeros((len(rest), stop - start))
        for column in range(start, stop):
            rounded[:, column] = _nearest(rest[:, column], scale)
            error = (rest[:, column] - rounded[:, column] * scale) / factor[column, column]
            rest[:, column + 1 : stop] -= np.outer(error, factor[column, column + 1 : stop])
            errors[:, column - start] = error
        rest[:, stop:] -= errors @ factor[start:stop, stop:]
    result = np.empty_like(rounded)
    result[:, order] = rounded
    return result.astype(np.int8)


def _round_each(weights: Array, moments: Array, scale: Array) -> Array:
    """The same where every output has moments of its own, all outputs at once."""
    damped = _damped(moments)
    order = np.argsort(-np.diagonal(damped, axis1=1, axis2=2), axis=1, kind="stable")
    sorted_rows = np.take_along_axis(damped, order[:, :, np.newaxis], axis=1)
    ordered = np.take_along_axis(sorted_rows, order[:, np.newaxis, :], axis=2)
    factor = np.linalg.cholesky(np.linalg.inv(ordered)).transpose(0, 2, 1)
    rest = np.take_along_axis(weights.astype(np.float64), order, axis=1)
    rounded = np.zeros_like(rest)
    for column in range(rest.shape[1]):
        rounded[:, column] = _nearest(rest[:, column], scale)
        error = (rest[:, column] - rounded[:, column] * scale) / factor[:, column, column]
        rest[:, column + 1 :] -= error[:, np.newaxis] * factor[:, column, column + 1 :]
    result = np.empty_like(rounded)
    np.put_along_axis(result, order, rounded, axis=1)
    return result.astype(np.int8)


def output_error(weights: Array, rounded: Array, moments: Array, scale: Array) -> float:
    """The sum of squares of the output's error over the inputs that `moments` sums up."""
    error = weights.astype(np.float64) - rounded * scale[:, np.newaxis]
    if moments.ndim == 3:
        return float(np.einsum("ok,okl,ol->", error, moments, error, optimize=True))
    return float(((error @ moments) * error).sum())


def _damped(moments: Array) -> Array:
    """Moments (n, columns, columns) made safe to invert."""
    damped = moments.copy()
    diagonal = np.einsum("nkk->nk", damped)
    mean = diagonal.mean(axis=1, keepdims=True)
    # An input that is always zero weighs nothing: any number keeps the matrix regular.
    diagonal += np.where(mean > 0, _DAMPING * mean, 1.0)
    return damped


def _nearest(values: Array, scale: Array) -> Array:
    return np.clip(np.rint(values / scale), -WEIGHT_LIMIT, WEIGHT_LIMIT)
