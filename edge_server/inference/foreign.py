"""Files from elsewhere: what they leave open or say wrongly is settled, or refused in words.

Pure functions on what is known of a model; nothing of interpreters.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import Preprocessing
from edge_server.inference.runtime import TensorInfo

_INPUT_DTYPES: Final = (np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.int8))
# Of the range that an input's integers stand for, what the pixels have to share with it, and it
# with them. Mean and deviation of ImageNet in an input calibrated for them share nine tenths.
_SHARED: Final = 0.7


def image_shape(name: str, tensor: TensorInfo) -> tuple[int, int, int]:
    """Height, width and channels of an image classifier's input. Raises ModelFileError."""
    shape = tensor.shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or min(shape) < 1:
        last = " with the channels last: convert it to that" if shape[1:2] in ((1,), (3,)) else ""
        raise ModelFileError(
            f"{name} takes an input of shape {list(shape)}; an image classifier takes one picture, "
            f"[1, height, width, 1 or 3]{last}."
        )
    if -1 in tensor.free[1:]:
        raise ModelFileError(
            f"{name} takes pictures of any size, {list(tensor.free)}: convert it for the size that "
            "it was trained with."
        )
    if tensor.dtype not in _INPUT_DTYPES:
        raise ModelFileError(
            f"{name} takes {tensor.dtype} numbers; "
            "an image classifier takes float32, uint8 or int8."
        )
    return shape[1], shape[2], shape[3]


def count_classes(name: str, tensor: TensorInfo) -> int:
    """How many scores an output holds, whatever empty axes are around them.

    Raises ModelFileError where it holds something else.
    """
    shape = tensor.shape
    if sum(size > 1 for size in shape) > 1 or min(shape, default=0) < 1:
        raise ModelFileError(
            f"{name} puts out {list(shape)}; an image classifier puts out one score for each "
            "class, [1, classes]."
        )
    if tensor.dtype.kind not in "fiu" or (tensor.dtype.itemsize > 2 and tensor.dtype.kind != "f"):
        raise ModelFileError(
            f"{name} puts out {tensor.dtype} numbers, as if it named the class itself; "
            "an image classifier puts out one score for each class."
        )
    if tensor.dtype.kind != "f" and not tensor.scale:
        raise ModelFileError(
            f"{name} puts out {tensor.dtype} numbers and does not say what they stand for: convert "
            "it again, with quantized outputs or float32."
        )
    return int(np.prod(shape))


def agreed(name: str, spec: Preprocessing, tensor: TensorInfo) -> Preprocessing:
    """The preprocessing that the standard metadata says, if the input's own integers agree.

    Metadata with mean 0 and deviation 1 means the bytes themselves, as MediaPipe and Coral take
    them: then the quantization says what they stand for. Raises SettingError where both say
    something, and not the same.
    """
    if tensor.dtype.kind == "f" or not tensor.scale:
        return spec
    info = np.iinfo(tensor.dtype)
    low, high = ((edge - tensor.zero_point) * tensor.scale for edge in (info.min, info.max))
    if set(spec.mean) == {0.0} and set(spec.std) == {1.0}:
        zero = float(tensor.zero_point - info.min)
        return dataclasses.replace(spec, mean=(zero,), std=(1 / tensor.scale,))
    mean, std = np.array(spec.mean), np.array(spec.std)
    first, last = -mean / std, (255 - mean) / std
    common = np.minimum(high, last) - np.maximum(low, first)
    either = np.maximum(high, last) - np.minimum(low, first)
    if (common / either < _SHARED).any():
        raise SettingError(
            f"{name} contradicts itself: its metadata makes pixels {first.min():.4g} to "
            f"{last.max():.4g}, but the numbers of its input stand for {low:.4g} to {high:.4g}. "
            "Give --preprocessing as the model was trained."
        )
    return spec


def output_kind(values: np.ndarray[Any, Any]) -> Output:
    """What a model puts out that does not say it, from (n, classes) for a few pictures.

    Scores are taken as they are, each by itself or not; softmax is for what is none.
    """
    finite = values[np.isfinite(values)]  # a graph may have no answer to what was made up
    outside = finite.min(initial=0) < -1e-3 or finite.max(initial=0) > 1 + 1e-3
    return Output.LOGITS if outside else Output.PROBABILITIES
