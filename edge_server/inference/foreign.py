"""Files from elsewhere: what they leave open or say wrongly is settled, or refused in words.

Pure functions on what is known of a model; nothing of interpreters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import labels
from edge_server.inference.labels import LabelFile
from edge_server.inference.manifest import Output
from edge_server.inference.output_kind import SCALE, SOFTMAX, output_kind
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


def count_numbers(name: str, tensor: TensorInfo) -> int:
    """How many numbers an output holds, whatever empty axes are around them.

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
    # Of bytes the numbers themselves may tell; see output_of().
    if tensor.dtype.kind != "f" and not tensor.scale and tensor.dtype != np.uint8:
        raise ModelFileError(_unknown_integers(name, tensor))
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


def output_of(
    name: str, values: np.ndarray[Any, Any], ending: Sequence[str], tensor: TensorInfo
) -> Output:
    """What a model puts out that does not say it, from (n, classes) for a few pictures.

    `ending` is that of tflite_file.ending(). Raises ModelFileError where the numbers are no scores.
    """
    values = values[np.isfinite(values).all(axis=1)]  # a graph may have no answer to some
    if values.shape[1] == 1 and ending[:1] == (SOFTMAX,):
        raise ModelFileError(
            f"{name} puts out the softmax of a single number, which is always 1: train it again "
            "with a sigmoid, or with two numbers."
        )
    if tensor.scale and tensor.dtype.kind != "f" and ending[:1] == (SCALE,):
        # The highest number of the output tells more than a few pictures do.
        top = (np.iinfo(tensor.dtype).max - tensor.zero_point) * tensor.scale
        values = np.concatenate([values, np.full((1, values.shape[1]), top)])
    if not values.size:
        return Output.PROBABILITIES
    kind = output_kind(values, ending)
    if tensor.dtype.kind == "f" or tensor.scale:
        return kind
    # Integers that do not say what they stand for: 255 is certain, or 1 is.
    certain = np.abs(values.sum(axis=1) - 1).max() == 0
    if kind is Output.LEVELS or (kind is Output.PROBABILITIES and certain):
        return kind
    raise ModelFileError(_unknown_integers(name, tensor))


def _unknown_integers(name: str, tensor: TensorInfo) -> str:
    return (
        f"{name} puts out {tensor.dtype} numbers and does not say what they stand for: convert "
        "it again, with quantized outputs or float32."
    )


def fitting_labels(name: str, file: LabelFile | None, numbers: int) -> tuple[str, ...]:
    """A label for each class; their indices where there are none. Raises SettingError.

    A single number is the score of the second of two classes, which only labels can say.
    """
    given = 0 if file is None else len(file.names)
    if numbers == 1 and given != 2:
        raise SettingError(
            f"{name} puts out a single number: if it is how sure the model is of the second of two "
            f"classes, give --labels a file with two lines, the second for it; "
            f"there are {given} labels."
        )
    return labels.fitting(file, name, max(2, numbers))
