"""What better int8 takes on: of a large model fewer photos, and no rounding of its largest layers.

By counts, not by a clock: the same photos give the same file on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from convert import patches
from convert.bias_correction import MEMORY
from convert.graph_pair import GraphPair, Layer
from convert.operator_stream import activation_bytes
from edge_server.inference.decoding import Pixels

# More photos gave no better model, and each costs its time.
MAX_PHOTOS: Final = 100
# Fewer can't be split into some to fit and some to judge by.
MIN_PHOTOS: Final = 12
# Photos that no step sees, which judge the finished file.
_FEWEST_JUDGES: Final = 4
_MOST_JUDGES: Final = 50
FEWEST: Final = MIN_PHOTOS + _FEWEST_JUDGES
# Multiplications of all photos, each once through the graph: the steps take some 25 such runs,
# which is a few minutes.
_MAX_WORK: Final = 5 * 10**11
# Rounding a layer with more columns takes half a minute and a gigabyte: only its biases change.
_MAX_COLUMNS: Final = 2304


def judges(count: int) -> int:
    """How many of so many calibration photos are held back from all steps: a fifth, or what the
    steps have no use for; 0 where too few would be left for the steps."""
    if count < FEWEST:
        return 0
    return min(max(count // 5, count - MAX_PHOTOS, _FEWEST_JUDGES), _MOST_JUDGES)


def affordable(pair: GraphPair, pictures: Sequence[Pixels]) -> tuple[list[Pixels], str]:
    """The photos that are used, spread over those given; and a clause where they are fewer
    because the model is large, else empty."""
    work = max(multiplications(pair), 1)
    most = min(MEMORY // max(activation_bytes(pair.int8), 1), _MAX_WORK // work)
    count = min(max(min(MAX_PHOTOS, most), MIN_PHOTOS), len(pictures))
    chosen = [pictures[i * len(pictures) // count] for i in range(count)]
    if count == min(MAX_PHOTOS, len(pictures)):
        return chosen, ""
    return chosen, f"{count} of {len(pictures)} photos were taken, for the model is large"


def multiplications(pair: GraphPair) -> int:
    """Of one photo, in the layers that can be bettered."""
    total = 0
    for layer in pair.layers:
        shape = pair.int8.subgraphs[0].tensors[layer.output].shape
        total += int(np.prod([int(size) for size in shape])) * patches.columns(layer)
    return total


def too_large(layer: Layer) -> bool:
    """Whether its weights stay as the converter rounded them."""
    return patches.columns(layer) > _MAX_COLUMNS


def left_out(pair: GraphPair) -> str:
    """A clause on the layers that are too large, empty where none is."""
    large = sum(map(too_large, pair.layers))
    return f"{large} of {len(pair.layers)} layers are too large for it" if large else ""
