"""What a layer's weights are multiplied with: patches of its input, at sampled positions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from convert.graph_pair import Kind, Layer
from convert.interpreter import Array
from convert.tflite_schema import schema

# Positions that are sampled in each picture's feature map: more of them gave no better rounding.
POSITIONS: Final = 64


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


def products(layer: Layer, values: Array, rng: np.random.Generator) -> Array:
    """The sum of x x^T over patches of one picture's input, dequantized, float32 (1, ...).

    float64 (columns, columns), for a depthwise layer (out, columns, columns).
    """
    if layer.kind is Kind.DENSE:
        rows = values.reshape(-1, layer.float_weights.shape[1])
        return np.asarray(rows.T @ rows, np.float64)
    height, width = layer.float_weights.shape[1:3]
    patches = _sample(values[0], (height, width), layer.options, rng)
    if layer.kind is Kind.CONVOLUTION:
        rows = patches.reshape(len(patches), -1)
        return np.asarray(rows.T @ rows, np.float64)
    by_channel = np.ascontiguousarray(patches.transpose(2, 0, 1))
    sums = np.matmul(by_channel.transpose(0, 2, 1), by_channel)
    outputs = layer.float_weights.shape[3]
    return np.repeat(sums, outputs // len(sums), axis=0).astype(np.float64)


def _sample(
    values: Array, kernel: tuple[int, int], options: Any, rng: np.random.Generator
) -> Array:
    """(h, w, c) -> (positions, taps, c), with zeros where a patch leaves the picture."""
    strides = (options.strideH, options.strideW)
    dilation = (options.dilationHFactor, options.dilationWFactor)
    spans = [(size - 1) * step + 1 for size, step in zip(kernel, dilation, strict=True)]
    if options.padding == schema.Padding.SAME:
        grid = [-(-size // step) for size, step in zip(values.shape, strides, strict=False)]
        missing = [
            max((count - 1) * step + span - size, 0)
            for count, step, span, size in zip(grid, strides, spans, values.shape, strict=False)
        ]
        values = np.pad(values, [(m // 2, m - m // 2) for m in missing] + [(0, 0)])
    else:
        grid = [
            (size - span) // step + 1
            for size, span, step in zip(values.shape, spans, strides, strict=False)
        ]
    total = grid[0] * grid[1]
    chosen = rng.choice(total, min(POSITIONS, total), replace=False)
    top, left = chosen // grid[1] * strides[0], chosen % grid[1] * strides[1]
    taps = [
        values[top + row * dilation[0], left + column * dilation[1]]
        for row in range(kernel[0])
        for column in range(kernel[1])
    ]
    return np.stack(taps, axis=1)
