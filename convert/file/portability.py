"""Whether other readers of the file, MediaPipe first, see what our server sees; and what helps."""

from __future__ import annotations

from typing import Any

import numpy as np

from convert.errors import BuildError
from convert.file import raw_pixels, tflite_schema
from convert.file.tflite_schema import schema
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import ColorOrder, Preprocessing


def obstacle(model: bytes, spec: Preprocessing) -> str | None:
    """Why MediaPipe would refuse the model or see other numbers in it than `spec` says.

    A clause without a full stop; None where standard TFLite Metadata says it all. MediaPipe
    1.2 normalizes float32 inputs by one mean and one deviation, and puts pixels into uint8
    inputs as they are. How a photo becomes the model's size no metadata can say.
    """
    graph = tflite_schema.unpack(model).subgraphs[0]
    tensor = graph.tensors[int(graph.inputs[0])]
    kinds = schema.TensorType
    if tensor.type == kinds.UINT8:
        return _unsayable(spec) or _quantized_otherwise(tensor.quantization, spec)
    if tensor.type == kinds.FLOAT32:
        integers = any(other.type in (kinds.INT8, kinds.INT16) for other in graph.tensors)
        return _unsayable(spec) or (_rounded_inside(spec) if integers else None)
    return "its input is neither uint8 nor float32"


def _unsayable(spec: Preprocessing) -> str | None:
    if spec.color_order is ColorOrder.BGR:
        return "its channels are in the order blue, green, red"
    if spec.color_order is ColorOrder.GRAYSCALE:
        return "it takes gray pictures"
    if len({*spec.mean}) > 1 or len({*spec.std}) > 1:
        return "its normalization differs from channel to channel"
    return None


def _rounded_inside(spec: Preprocessing) -> str | None:
    # Where pixels lie between two integers, two ways to compute the same mean and deviation differ.
    if {*spec.mean} == {0.0} and {*spec.std} == {1.0}:
        return None
    return "it rounds its float32 input to integers, and the last bit of the normalization decides"


def _quantized_otherwise(quantization: Any, spec: Preprocessing) -> str | None:
    scale, zero_point = 1.0, 0  # of a graph that takes bytes and computes with them itself
    if quantization is not None and quantization.scale is not None:
        scale, zero_point = float(quantization.scale[0]), int(quantization.zeroPoint[0])
    table = preprocessing.quantization_table(spec, scale, zero_point, np.uint8)
    if not preprocessing.is_identity(table):
        return "the quantization of its input is not the normalization"
    return None


def adapt(model: bytes, spec: Preprocessing) -> tuple[bytes, Preprocessing]:
    """The model and its preprocessing as every reader of standard metadata can use them.

    Where metadata can't say `spec`, the normalization moves into the graph (raw_pixels). What that
    does not help, such as an int8 input, stays as it is.
    """
    if obstacle(model, spec) is None:
        return model, spec
    try:
        moved, rest = raw_pixels.take(model, spec), raw_pixels.specification(spec)
    except BuildError:
        return model, spec
    return (model, spec) if obstacle(moved, rest) else (moved, rest)
