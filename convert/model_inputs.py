"""Pictures as the input tensors of a .tflite, of whatever dtype, as the device makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convert.file.tflite_schema import schema
from convert.interpreter import Array
from edge_server.inference import preprocessing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import Preprocessing


def tensors(model: Any, pictures: Sequence[Pixels], spec: Preprocessing) -> list[Array]:
    """Resized pictures, uint8 (h, w, c) -> (1, h, w, c) in the dtype of the ModelT's input."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[int(graph.inputs[0])]
    if tensor.type == schema.TensorType.FLOAT32:
        return [preprocessing.normalize(picture, spec) for picture in pictures]
    dtype = {schema.TensorType.UINT8: np.uint8, schema.TensorType.INT8: np.int8}[tensor.type]
    scale, zero_point = 1.0, 0
    if tensor.quantization is not None and tensor.quantization.scale is not None:
        scale = float(tensor.quantization.scale[0])
        zero_point = int(tensor.quantization.zeroPoint[0])
    table = preprocessing.quantization_table(spec, scale, zero_point, dtype)
    return [preprocessing.quantize(picture, table) for picture in pictures]


def scores(model: Any, raw: Sequence[Array]) -> Array:
    """Raw outputs (1, classes) of a ModelT, dequantized: float32 (pictures, classes)."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[int(graph.outputs[0])]
    values = np.concatenate([row.reshape(1, -1) for row in raw]).astype(np.float32)
    if tensor.type == schema.TensorType.FLOAT32:
        return values
    scale, zero_point = tensor.quantization.scale[0], tensor.quantization.zeroPoint[0]
    return np.asarray((values - np.float32(zero_point)) * np.float32(scale), np.float32)
