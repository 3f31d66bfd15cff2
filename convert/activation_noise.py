"""How much the rounding of activations harms: all of them, one tensor alone, one channel alone.

Weights are exact here: the float graph runs, and what it hands on is rounded as the int8 graph
rounds it. Squares of small errors add up, and the divergence of scores is one: so what is left of
the harm can be predicted from what is left of each channel's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from convert import metrics
from convert.bias_correction import MEMORY
from convert.graph_pair import INT8, GraphPair, Layer, Quantization, quantization, twins
from convert.interpreter import Array, run_each
from convert.metrics import Scores
from convert.operator_stream import OperatorStream, activation_bytes, constant, part

# The raw outputs of the float graph, one for each picture, as scores (pictures, classes).
Score = Callable[[Sequence[Array]], Scores]
Extremes = tuple[Array, Array]


# A tensor with less of the sum than this is not looked at channel by channel.
_SHARE: Final = 0.05
# Multiplications for the channels of one tensor, a few seconds' worth: beyond, fewer photos tell,
# and where fewer than these would be left, none.
_MULTIPLICATIONS: Final = 4 * 10**10
_FEWEST_PHOTOS: Final = 4


@dataclass(frozen=True)
class Noise:
    """`total` is the divergence of scores when all activations are rounded, the scores themselves
    not. `scores` are those with nothing rounded. `extremes` has the lowest and the highest
    activation of each channel, two arrays (channels,), by the layer's index."""

    total: float
    scores: Scores
    extremes: Mapping[int, Extremes]


def measure(
    pair: GraphPair, inputs: Sequence[Array], score: Score, layers: Collection[Layer]
) -> Noise:
    """Run the float graph on its input tensors, as it is and with all activations rounded.

    Extremes are those of the outputs of `layers`.
    """
    graph = pair.float.subgraphs[0]
    exact, rounded = OperatorStream(pair.float, inputs), OperatorStream(pair.float, inputs)
    steps = _quantizations(pair)
    asked = {layer.float_index: layer.index for layer in layers}
    found = {}
    for index, operator in enumerate(graph.operators):
        outputs = exact.run(index)
        if index in asked:
            found[asked[index]] = _extremes(outputs[0])
        exact.keep(index, outputs)
        outputs = rounded.run(index)
        if index in steps and int(operator.outputs[0]) not in graph.outputs:
            outputs[0] = [round_to(steps[index], values) for values in outputs[0]]
        rounded.keep(index, outputs)
    last = int(graph.outputs[0])
    before, after = (score(stream.values[last]) for stream in (exact, rounded))
    return Noise(metrics.divergence(before, after), before, found)


def of_channels(
    pair: GraphPair,
    inputs: Sequence[Array],
    score: Score,
    noise: Noise,
    layers: Collection[Layer],
) -> dict[int, Array]:
    """The divergence when one channel of the output of one of the layers alone is rounded,
    (channels,), by the layer's index. `inputs` are those of `noise`.

    Zeros for a layer whose whole output has too small a share of the total or takes too long,
    and for channels that never change.
    """
    asked = {layer.float_index: layer for layer in layers}
    stream = OperatorStream(pair.float, inputs)
    harm = {}
    for index in range(max(asked, default=-1) + 1):
        stream.keep(index, stream.run(index))
        if index in asked:
            harm[asked[index].index] = _harm(pair, stream, asked[index], score, noise)
    return harm


def _harm(
    pair: GraphPair, stream: OperatorStream, layer: Layer, score: Score, noise: Noise
) -> Array:
    graph = pair.float.subgraphs[0]
    later = graph.operators[layer.float_index + 1 :]
    tail, needed = part(pair.float, later, [int(graph.outputs[0])])
    exact = stream.values[layer.float_output]
    rounded = [round_to(layer.result, values) for values in exact]

    def divergence(activations: Sequence[Array]) -> float:
        rows = [
            [values if t == layer.float_output else stream.values[t][photo] for t in needed]
            for photo, values in enumerate(activations)
        ]
        before = noise.scores[: len(activations)]
        return metrics.divergence(before, score([out[0] for out in run_each(tail, rows)]))

    low, high = noise.extremes[layer.index]
    harm = np.zeros(len(low))
    channels = np.flatnonzero(low < high)
    photos = _MULTIPLICATIONS // max(_multiplications(pair.float, later) * len(channels), 1)
    if photos >= _FEWEST_PHOTOS and divergence(rounded) >= _SHARE * noise.total:
        for channel in channels:
            chosen = np.arange(len(harm)) == channel
            pairs = list(zip(exact, rounded, strict=True))[:photos]
            harm[channel] = divergence([np.where(chosen, after, before) for before, after in pairs])
    return harm


def _multiplications(model: Any, operators: Sequence[Any]) -> int:
    """How many of them the convolutions and dense layers among the operators take."""
    tensors = model.subgraphs[0].tensors
    count = 0
    for operator in operators:
        if len(operator.inputs) > 1 and constant(model, int(operator.inputs[1])):
            weights = tensors[int(operator.inputs[1])].shape
            output = tensors[int(operator.outputs[0])].shape
            if len(weights) > 1:
                count += int(np.prod([*output[1:-1], *weights], dtype=np.int64))
    return count


def extremes(
    pair: GraphPair, inputs: Sequence[Array], layers: Collection[Layer]
) -> dict[int, Extremes]:
    """The lowest and the highest of each channel of the layers' outputs in the float graph."""
    asked = {layer.float_index: layer.index for layer in layers}
    size = max(MEMORY // max(activation_bytes(pair.float), 1), 1)
    found: dict[int, Extremes] = {}
    for start in range(0, len(inputs), size):
        stream = OperatorStream(pair.float, inputs[start : start + size])
        for index in range(max(asked, default=-1) + 1):
            outputs = stream.run(index)
            if index in asked:
                low, high = _extremes(outputs[0])
                least, most = found.get(asked[index], (low, high))
                found[asked[index]] = np.minimum(least, low), np.maximum(most, high)
            stream.keep(index, outputs)
    return found


def _extremes(values: Sequence[Array]) -> Extremes:
    """The lowest and the highest of each channel, of arrays (..., channels)."""
    rows = [value.reshape(-1, value.shape[-1]) for value in values]
    return (
        np.min([row.min(axis=0) for row in rows], axis=0),
        np.max([row.max(axis=0) for row in rows], axis=0),
    )


def round_to(how: Quantization, values: Array) -> Array:
    """float32, to the nearest that int8 can say."""
    steps = np.rint(values / np.float32(how.scale)) + how.zero_point
    return how.real(np.clip(steps, *INT8))


def _quantizations(pair: GraphPair) -> dict[int, Quantization]:
    """How the int8 graph rounds the first output of each operator of the float graph."""
    operators = pair.int8.subgraphs[0].operators
    found = {
        number: quantization(pair.int8, int(operators[index].outputs[0]))
        for index, number in twins(pair.float, pair.int8).items()
    }
    return {number: how for number, how in found.items() if how is not None}
