"""Biases that put the mean of each layer's output back where the float model has it.

Source: Nagel, van Baalen, Blankevoort, Welling, "Data-Free Quantization Through Weight
Equalization and Bias Correction" (2019), section 4.2, in its empirical form: layer by layer in
the order of execution, so that each sees the corrected outputs of those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from convert.graph_pair import GraphPair, Layer
from convert.interpreter import Array
from convert.operator_stream import OperatorStream

# The second pass catches what activation functions and clipping bent in the first.
_PASSES: Final = 2
_INT32: Final = np.iinfo(np.int32)

# The mean of each channel for each picture, (pictures, channels), by the layer's index.
Means = dict[int, Array]


def float_means(pair: GraphPair, inputs: Sequence[Array]) -> Means:
    """The means that the float model has. `inputs` are its input tensors, (1, h, w, c).

    Outputs count as far as the int8 tensor can say them: a bias can't make up for a clipped value.
    """
    stream = OperatorStream(pair.float, inputs)
    wanted = {layer.float_index: layer for layer in pair.layers}
    means: Means = {}
    for index in range(len(pair.float.subgraphs[0].operators)):
        outputs = stream.run(index)
        if index in wanted:
            layer = wanted[index]
            low, high = layer.result.range
            clipped = [np.clip(values, low, high) for values in outputs[0]]
            means[layer.index] = _channel_means(clipped)
        stream.keep(index, outputs)
    return means


def correct(pair: GraphPair, inputs: Sequence[Array], means: Means) -> None:
    """Change the biases of the pair's int8 graph.

    `inputs` are its input tensors, and `means` the float model's for the same pictures.
    """
    stream = OperatorStream(pair.int8, inputs)
    layers = {layer.index: layer for layer in pair.layers if layer.bias is not None}
    for index in range(len(pair.int8.subgraphs[0].operators)):
        outputs = stream.run(index)
        if index in layers:
            for _ in range(_PASSES):
                _shift(pair, layers[index], outputs[0], means[index])
                outputs = stream.run(index)
        stream.keep(index, outputs)


def _shift(pair: GraphPair, layer: Layer, outputs: Sequence[Array], means: Array) -> None:
    found = _channel_means([layer.result.real(values) for values in outputs])
    bias, scale = pair.bias(layer)
    steps = np.rint((means.mean(axis=0) - found.mean(axis=0)) / scale)
    # int64 to avoid overflow.
    moved = bias.astype(np.int64) + steps.astype(np.int64)
    pair.set_bias(layer, np.clip(moved, _INT32.min, _INT32.max))


def _channel_means(values: Sequence[Array]) -> Array:
    """Arrays (..., channels), one a picture -> float64 (pictures, channels)."""
    rows = [v.reshape(-1, v.shape[-1]).mean(axis=0, dtype=np.float64) for v in values]
    return np.stack(rows)
