"""Channels that say nothing made into copies of those that int8 harms most.

The copies are shifted against each other by parts of a step, round differently, and their mean is
as if the step were that much smaller: of n copies the error has 1/n^2 of the power. The number of
channels, and with it size and speed, stay. The idea is that of Zhao, Hu, Dotzel, De Sa, Zhang,
"Improving Neural Network Quantization without Retraining using Outlier Channel Splitting" (2019),
arXiv 1901.09504, who split channels into new ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from convert.chains import LayerValues
from convert.graph_pair import WEIGHT_LIMIT
from convert.interpreter import Array

# The unused channels that become copies, by the channel that they copy.
Copies = Mapping[int, Sequence[int]]


def assign(unused: Sequence[int], harm: Array) -> dict[int, list[int]]:
    """Give each unused channel to the one whose harm, (channels,), it makes smaller by most."""
    copies: dict[int, list[int]] = {}
    for channel in unused:
        count = np.array([1 + len(copies.get(c, ())) for c in range(len(harm))])
        gain = harm / count**2 - harm / (count + 1) ** 2
        gain[list(unused)] = 0
        best = int(gain.argmax())
        if gain[best] > 0:
            copies.setdefault(best, []).append(channel)
    return copies


def left(harm: Array, copies: Copies) -> Array:
    """The harm of each channel, (channels,), when it has these copies."""
    count = np.ones(len(harm))
    for source, others in copies.items():
        count[source] += len(others)
    return np.asarray(harm / count**2)


def split(
    makers: Sequence[LayerValues], consumer: LayerValues, steps: Sequence[float], copies: Copies
) -> None:
    """Make the copies, in the layers of a chain; `steps` are those of the makers' outputs.

    What the channels that become copies said before is lost.
    """
    for source, others in copies.items():
        group = [source, *others]
        for maker, before in zip(makers, (None, *steps), strict=False):
            maker.rows[others] = maker.rows[source]
            maker.bias[others] = maker.bias[source]
            maker.scale[others] = maker.scale[source]
            if before is not None:
                maker.bias[group] -= shifts(len(group)) * before * maker.rows[source].sum()
        for maker, step in zip(makers, steps, strict=True):
            maker.bias[group] += shifts(len(group)) * step
        share = consumer.weights[..., source] / len(group)
        consumer.weights[..., group] = share[..., np.newaxis]
    _refine(consumer)


def shifts(count: int) -> Array:
    """What each of `count` copies is shifted by, in steps: together nothing, and each so little
    that zero, which ReLU makes often, stays exact."""
    return (np.arange(count) - (count - 1) / 2) / count


def drop(consumer: LayerValues, constants: Mapping[int, float]) -> None:
    """Have the consumer's bias stand for channels of its input that are always the same."""
    for channel, value in constants.items():
        taps = consumer.rows[..., channel].reshape(len(consumer.bias), -1)
        consumer.bias += taps.sum(axis=1) * value
        consumer.weights[..., channel] = 0


def _refine(layer: LayerValues) -> None:
    """Smaller steps for those outputs whose largest weight became smaller."""
    largest = np.abs(layer.rows).reshape(len(layer.scale), -1).max(axis=1)
    fitting = np.minimum(layer.scale, largest / WEIGHT_LIMIT)
    layer.scale = np.where(largest > 0, fitting, layer.scale)
