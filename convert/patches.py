"""What a layer's weights are multiplied with: patches of its input, at sampled positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from convert.file.tflite_schema import schema
from convert.graph_pair import Kind, Layer
from convert.interpreter import Array

# Positions that are sampled in each picture's feature map: more of them gave no better rounding.
POSITIONS: Final = 128


def matrix(layer: Layer, weights: Array) -> Array:
    """Weights as (out, columns); a depthwise layer has a column for each tap."""
    if layer.kind is Kind.DEPTHWISE:
        return weights.reshape(-1, weights.shape[-1]).T
    return weights.reshape(weights.shape[0], -1)


def from_matrix(layer: Layer, rows: Array) -> Array:
    """The reverse of matrix()."""
    if layer.kind is Kind.DEPTHWISE:
        rows = rows.T
    return np.ascontiguousarray(rows.reshape(layer.float_weights.shape))


def columns(layer: Layer) -> int:
    """How many numbers one output is a weighted sum of."""
    return int(matrix(layer, layer.float_weights).shape[1])


def second_moments(layer: Layer, samples: Sequence[Array]) -> Array:
    """The sum of x x^T over what sample() gave for some pictures, dequantized.

    float32 (groups, columns, columns): outputs are divided among the groups, in their order. A
    dense layer has one group, a depthwise layer one for each channel of its input.
    """
    real = layer.input.real(np.concatenate(samples))
    width = columns(layer)
    if real.ndim == 2:
        return np.asarray(real.T @ real)[np.newaxis]
    rows, taps, channels = real.shape
    groups = taps * channels // width
    grouped = real.reshape(rows, taps, groups, -1).transpose(2, 0, 1, 3)
    flat: Array = np.ascontiguousarray(grouped).reshape(groups, rows, width)
    return np.stack([group.T @ group for group in flat])


def weighted_mean(layer: Layer, samples: Sequence[Array], weights: Array) -> Array:
    """The mean output (out,) that weights (out, columns) give for what sample() gave, float64."""
    mean = layer.input.real(np.concatenate(samples)).mean(axis=0, dtype=np.float64)
    if mean.ndim == 1:
        return np.asarray(weights @ mean)
    groups = mean.size // columns(layer)
    # (taps, channels) -> a row for each group of channels.
    rows = mean.reshape(len(mean), groups, -1).transpose(1, 0, 2).reshape(groups, -1)
    parts = np.einsum("gok,gk->go", weights.reshape(groups, -1, rows.shape[1]), rows)
    return np.asarray(parts).reshape(-1)


def sample(layer: Layer, values: Array, rng: np.random.Generator) -> Array:
    """Patches of one picture's input, (1, ...) as the graph has it, in the same dtype.

    (positions, taps, channels) for a convolution, (rows, columns) for a dense layer.
    """
    if layer.kind is Kind.DENSE:
        rows = values.reshape(-1, layer.float_weights.shape[1])
        return np.asarray(rows[_choose(len(rows), rng)])
    kernel = layer.float_weights.shape[1:3]
    options, size = layer.options, values.shape[1:3]
    strides = (options.strideH, options.strideW)
    dilation = (options.dilationHFactor, options.dilationWFactor)
    spans = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation, strict=True)]
    picture = values[0]
    if options.padding == schema.Padding.SAME:
        grid = [-(-length // step) for length, step in zip(size, strides, strict=True)]
        missing = [
            max((count - 1) * step + span - length, 0)
            for count, step, span, length in zip(grid, strides, spans, size, strict=True)
        ]
        # The zero point stands for 0.
        picture = np.pad(
            picture,
            [(m // 2, m - m // 2) for m in missing] + [(0, 0)],
            constant_values=layer.input.zero_point,
        )
    else:
        grid = [
            (length - span) // step + 1
            for length, span, step in zip(size, spans, strides, strict=True)
        ]
    chosen = _choose(grid[0] * grid[1], rng)
    top, left = chosen // grid[1] * strides[0], chosen % grid[1] * strides[1]
    taps = [
        picture[top + row * dilation[0], left + column * dilation[1]]
        for row in range(kernel[0])
        for column in range(kernel[1])
    ]
    return np.stack(taps, axis=1)


def _choose(count: int, rng: np.random.Generator) -> Any:
    return rng.choice(count, min(POSITIONS, count), replace=False)
