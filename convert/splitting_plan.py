"""Which unused channels become copies of which, where that takes enough off the harm of int8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from convert import activation_noise, chains, channel_splitting
from convert.activation_noise import Extremes, Score
from convert.bias_correction import MEMORY
from convert.chains import Chain
from convert.channel_splitting import Copies
from convert.file.tflite_schema import schema
from convert.graph_pair import GraphPair
from convert.interpreter import Array
from convert.operator_stream import activation_bytes

# Photos that tell which channels int8 harms; that a channel is unused, all photos have to say.
PHOTOS: Final = 16
# Less of the harm than this is lost in the noise of judging it.
_GAIN: Final = 0.2


@dataclass(frozen=True)
class Plan:
    """A pair with copies in it, or None where they are not worth it. `why` is a clause."""

    why: str
    pair: GraphPair | None = None


@dataclass(frozen=True)
class _Split:
    """A chain, its channels that say nothing, with what they always are, and their new use."""

    chain: Chain
    unused: Mapping[int, float]
    copies: Copies


def make(pair: GraphPair, inputs: Sequence[Array], score: Score) -> Plan:
    """Look for unused channels, and for a better use of them.

    `inputs` are input tensors of the float graph, and `score` makes scores of its outputs. The
    int8 weights of `pair` are the converter's; in the new pair the float graph is rounded to them
    likewise. Raises ValueError or RuntimeError where the graph can't be taken apart.
    """
    found = chains.find(pair)
    if not found:
        return Plan("no convolution hands its channels straight on to another")
    # Two streams run at once.
    most = MEMORY // max(2 * activation_bytes(pair.float), 1)
    few = inputs[:: -(-len(inputs) // max(min(PHOTOS, most), 1))]
    makers = [maker for chain in found for maker in chain.makers]
    noise = activation_noise.measure(pair, few, score, makers)
    promising = [chain for chain in found if _unused(chain, noise.extremes)]
    if not promising:
        return Plan("every channel that convolutions hand on is in use")
    makers = [maker for chain in promising for maker in chain.makers]
    harm = activation_noise.of_channels(pair, few, score, noise, makers)
    # By chance errors may cancel where all of them meet.
    total = max(noise.total, sum(float(values.sum()) for values in harm.values()))
    splits = _splits(promising, noise.extremes, harm)
    if _gain(splits, harm) >= _GAIN * total > 0:
        # A channel that few photos leave unused may be in use on others.
        makers = [split.chain.makers[-1] for split in splits]
        splits = _splits(promising, activation_noise.extremes(pair, inputs, makers), harm)
    gain = _gain(splits, harm) / total if total > 0 else 0.0
    channels = sum(len(copies) for split in splits for copies in split.copies.values())
    unused = "1 unused channel" if channels == 1 else f"{channels} unused channels"
    what = f"{unused} as copies of others take {gain:.0%} off the harm of rounding activations"
    if gain < _GAIN:
        return Plan(f"{what}, which is too little" if channels else "no unused channel can help")
    layers = {layer.index: layer for split in splits for layer in split.chain.layers}
    values = {index: chains.values(pair, layer) for index, layer in layers.items()}
    for split in splits:
        of_makers = [values[maker.index] for maker in split.chain.makers]
        consumer = values[split.chain.consumer.index]
        steps = [maker.result.scale for maker in split.chain.makers]
        channel_splitting.drop(consumer, split.unused)
        channel_splitting.split(of_makers, consumer, steps, split.copies)
    return Plan(what, chains.rewritten(pair, values))


def _splits(
    found: Sequence[Chain], extremes: Mapping[int, Extremes], harm: Mapping[int, Array]
) -> list[_Split]:
    """Those of the chains that have an unused channel, and one that gains by it."""
    splits = []
    for chain in found:
        if chain.makers[-1].index in extremes:
            unused = _unused(chain, extremes)
            copies = channel_splitting.assign(list(unused), _sum(chain, harm))
            if copies:
                splits.append(_Split(chain, unused, copies))
    return splits


def _unused(chain: Chain, extremes: Mapping[int, Extremes]) -> dict[int, float]:
    """Channels that are always the same at the consumer's input, within half a step, and what
    they are. Where zeros are put around the picture, they must be zero."""
    maker, consumer = chain.makers[-1], chain.consumer
    low, high = extremes[maker.index]
    half = maker.result.scale / 2
    always = high - low <= half
    taps = consumer.float_weights.shape[1:3]
    inside = taps == (1, 1) or consumer.options.padding == schema.Padding.VALID
    if not inside or consumer.data != maker.output:
        always &= np.maximum(np.abs(low), np.abs(high)) <= half
    return {int(c): float(low[c] + high[c]) / 2 for c in np.flatnonzero(always)}


def _gain(splits: Sequence[_Split], harm: Mapping[int, Array]) -> float:
    """How much of the divergence the copies take away."""
    before = [_sum(split.chain, harm) for split in splits]
    after = (
        channel_splitting.left(values, split.copies)
        for values, split in zip(before, splits, strict=True)
    )
    return float(sum((b - a).sum() for b, a in zip(before, after, strict=True)))


def _sum(chain: Chain, harm: Mapping[int, Array]) -> Array:
    return np.asarray(np.sum([harm[maker.index] for maker in chain.makers], axis=0))
