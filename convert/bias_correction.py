"""Biases that put the mean of each layer's output back where the float model has it.

Source: Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight
Equalization and Bias Correction" (2019), section 4.2, in its empirical form: layer by layer in
the order of execution, so that each sees the corrected outputs of those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from convert.console import Console
from convert.graph_pair import GraphPair, Layer
from convert.interpreter import Array, in_parts
from convert.operator_stream import OperatorStream, activation_bytes

# The further passes catch what activation functions and clipping bent in the first.
_PASSES: Final = 3
# For the activations of the pictures that go through a graph together.
MEMORY: Final = 512 * 2**20

# The mean of each channel for each picture, (pictures, channels), by the layer's index.
Means = dict[int, Array]


def float_means(pair: GraphPair, inputs: Sequence[Array], console: Console | None = None) -> Means:
    """The means that the float model has. `inputs` are its input tensors, (1, h, w, c).

    Outputs count as far as the int8 tensor can say them: a bias can't make up for a clipped value.
    """
    size = max(MEMORY // max(activation_bytes(pair.float), 1), 1)
    chunks = [inputs[start : start + size] for start in range(0, len(inputs), size)]
    bar = (console or Console()).bar(chunks, len(chunks), "running the float model", "chunk")
    parts = [_float_means(pair, chunk) for chunk in bar]
    return {index: np.concatenate([part[index] for part in parts]) for index in parts[0]}


def _float_means(pair: GraphPair, inputs: Sequence[Array]) -> Means:
    stream = OperatorStream(pair.float, inputs)
    wanted = {layer.float_index: layer for layer in pair.layers}
    last = max(wanted, default=-1)
    means: Means = {}
    for index in range(last + 1):
        outputs = stream.run(index)
        if index in wanted:
            layer = wanted[index]
            low, high = layer.result.range
            means[layer.index] = _channel_means(outputs[0], low, high)
        stream.keep(index, outputs)
    return means


def correct(pair: GraphPair, inputs: Sequence[Array], means: Means) -> None:
    """Change the biases of the pair's int8 graph.

    `inputs` are its input tensors, and `means` the float model's for the same pictures.
    """
    stream = OperatorStream(pair.int8, inputs)
    layers = {layer.index: layer for layer in pair.layers if layer.bias is not None}
    for index in range(max(layers, default=-1) + 1):
        outputs = stream.run(index)
        if index in layers:
            for _ in range(_PASSES):
                _shift(pair, layers[index], outputs[0], means[index])
                outputs = stream.run(index)
        stream.keep(index, outputs)


def _shift(pair: GraphPair, layer: Layer, outputs: Sequence[Array], means: Array) -> None:
    found = layer.result.real(_channel_means(outputs).mean(axis=0))
    bias, scale = pair.bias(layer)
    steps = np.rint((means.mean(axis=0) - found) / scale)
    # A mean that is no number says nothing of where the channel belongs.
    pair.set_bias(layer, bias + np.where(np.isfinite(steps), steps, 0))


def _channel_means(values: Sequence[Array], low: float = -np.inf, high: float = np.inf) -> Array:
    """Of arrays (..., channels), one a picture, held to low..high: float64 (pictures, channels)."""

    def of_part(part: Sequence[Array]) -> list[Array]:
        return [_channel_mean(array, low, high) for array in part]

    means: list[Array] = in_parts(values, of_part)
    return np.stack(means)


def _channel_mean(values: Array, low: float, high: float) -> Array:
    rows = values.reshape(-1, values.shape[-1]).astype(np.float32)
    if np.isfinite((low, high)).any():
        np.clip(rows, low, high, out=rows)
    # As a product: a reduction over the rows takes ten times as long.
    ones = np.ones(len(rows), np.float32)
    return (ones @ rows).astype(np.float64) / len(rows)
