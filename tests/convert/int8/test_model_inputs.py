from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert import model_inputs
from convert.file import tflite_schema
from edge_server.inference import preprocessing


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
def test_a_picture_becomes_what_the_graph_takes(graphs: Callable[..., Any], io: str) -> None:
    made = graphs("plain", io)
    tree = tflite_schema.unpack(made.int8_model)
    tensors = model_inputs.tensors(tree, made.pictures, made.spec)
    assert {tensor.dtype.name for tensor in tensors} == {io}
    details = tree.subgraphs[0].tensors[int(tree.subgraphs[0].inputs[0])].quantization
    for tensor, picture in zip(tensors, made.pictures, strict=True):
        real = tensor.astype(np.float64)
        if io != "float32":
            real = (real - details.zeroPoint[0]) * details.scale[0]
        expected = preprocessing.normalize(picture, made.spec)
        np.testing.assert_allclose(real, expected, atol=1 / 127)


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
def test_scores_are_read_in_their_own_scale(graphs: Callable[..., Any], io: str) -> None:
    tree = tflite_schema.unpack(graphs("plain", io).int8_model)
    tensor = tree.subgraphs[0].tensors[int(tree.subgraphs[0].outputs[0])]
    raw = np.array([[0, 1, 5, 100, 7]], io)
    found = model_inputs.scores(tree, [raw, raw])
    expected = raw[0].astype(np.float32)
    if io != "float32":
        expected = (expected - tensor.quantization.zeroPoint[0]) * tensor.quantization.scale[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [expected, expected], rtol=1e-6)
