"""The reader of a .tflite's graph, against TensorFlow's own reading and against damage."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from convert.file import tflite_schema
from convert.inspecting import inspection_graph
from convert.inspecting.inspection_graph import Quantization, Tensor
from edge_server.errors import ModelFileError
from edge_server.inference import tflite_file


@pytest.fixture(scope="module")
def digits(request: pytest.FixtureRequest) -> bytes:
    path: Path = request.getfixturevalue("bundled_model")
    return path.read_bytes()


def test_every_tensor_is_read_as_tensorflow_reads_it(digits: bytes) -> None:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=digits)
    found = {
        tensor.index: tensor for tensor in inspection_graph.read(digits, "digits").main.tensors
    }
    for detail in interpreter.get_tensor_details():
        tensor = found.get(detail["index"])
        if tensor is None:  # the interpreter's own scratch tensors come last
            continue
        assert tensor.name == detail["name"]
        assert tensor.dtype == np.dtype(detail["dtype"]).name
        assert list(tensor.shape) == list(detail["shape"])
        parameters = detail["quantization_parameters"]
        scales = tensor.quantization.scale if tensor.quantization else ()
        zero_points = tensor.quantization.zero_point if tensor.quantization else ()
        assert scales == tuple(parameters["scales"])
        assert zero_points == tuple(parameters["zero_points"])


def test_operators_are_counted(digits: bytes) -> None:
    counts = {o.name: (o.version, o.count) for o in inspection_graph.read(digits, "d").operators}
    assert counts["CONV_2D"] == (3, 5)
    assert counts["SOFTMAX"] == (2, 1)


def test_signatures_name_their_tensors(digits: bytes) -> None:
    graph = inspection_graph.read(digits, "digits")
    (signature,) = graph.signatures
    assert signature.key == "serving_default"
    assert [name for name, _ in signature.inputs] == ["image"]
    assert signature.inputs[0][1] == graph.main.inputs[0].index
    assert signature.outputs[0][1] == graph.main.outputs[0].index


@pytest.mark.parametrize(
    ("dtype", "zero_point", "expected"),
    [("uint8", 128, (-1.0, 127 / 128)), ("int8", 0, (-1.0, 127 / 128)), ("int16", 0, (-256, 256))],
)
def test_the_real_range_is_what_the_integers_mean(
    dtype: str, zero_point: int, expected: tuple[float, float]
) -> None:
    tensor = Tensor(0, "", dtype, (1,), (1,), Quantization((1 / 128,), (zero_point,), 0), 0, 0)
    assert tensor.real_range == pytest.approx(expected, abs=0.01)


def test_a_tensor_of_many_scales_has_no_single_range() -> None:
    tensor = Tensor(0, "", "int8", (2,), (2,), Quantization((0.5, 1.0), (0, 0), 0), 0, 4)
    assert tensor.real_range is None


def _edited(model: bytes, edit: Any) -> bytes:
    root = tflite_schema.schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    edit(root)
    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_a_free_size_is_in_the_shape_signature(digits: bytes) -> None:
    def edit(root: Any) -> None:
        graph = root.subgraphs[0]
        graph.tensors[graph.inputs[0]].shapeSignature = np.array([-1, 32, 32, 1], np.int32)

    (image,) = inspection_graph.read(_edited(digits, edit), "x").main.inputs
    assert (image.shape, image.shape_signature) == ((1, 32, 32, 1), (-1, 32, 32, 1))


def test_buffers_that_nothing_uses_are_found(digits: bytes) -> None:
    def edit(root: Any) -> None:
        spare = tflite_schema.schema.BufferT()
        spare.data = [7] * 100
        root.buffers.append(spare)

    before = inspection_graph.read(digits, "x").buffers
    after = inspection_graph.read(_edited(digits, edit), "x").buffers
    assert (before.unused_bytes, after.unused_bytes) == (0, 100)
    assert after.unused == before.unused + 1


def test_a_constant_at_an_odd_place_is_found(digits: bytes) -> None:
    packed = tflite_schema.pack(tflite_schema.unpack(digits))
    assert inspection_graph.read(packed, "x").buffers.misaligned == 0
    # The generated code alone packs buffers wherever they fall.
    assert inspection_graph.read(_edited(digits, lambda root: None), "x").buffers.misaligned > 0


def test_a_tensor_may_name_a_buffer_that_is_not_there(digits: bytes) -> None:
    def edit(root: Any) -> None:
        root.subgraphs[0].tensors[0].buffer = 999

    graph = inspection_graph.read(_edited(digits, edit), "x")
    assert graph.buffers.missing == 1
    assert graph.main.tensors[0].buffer_bytes == 0


@pytest.mark.parametrize(
    "edit",
    [
        lambda root: setattr(root.subgraphs[0], "inputs", [999]),
        lambda root: setattr(root.subgraphs[0], "inputs", [-2]),
        lambda root: setattr(root.subgraphs[0].operators[0], "opcodeIndex", 99),
        lambda root: setattr(root.signatureDefs[0], "subgraphIndex", 7),
        lambda root: setattr(root.subgraphs[0].tensors[0].quantization, "zeroPoint", [0, 0, 0]),
    ],
)
def test_a_graph_that_contradicts_itself_is_refused_in_a_sentence(digits: bytes, edit: Any) -> None:
    with pytest.raises(ModelFileError, match=r"x\.tflite is damaged"):
        inspection_graph.read(_edited(digits, edit), "x.tflite")


def test_an_operator_number_that_is_too_new_gets_a_name(digits: bytes) -> None:
    def edit(root: Any) -> None:
        root.operatorCodes[0].builtinCode = 4321

    names = {o.name for o in inspection_graph.read(_edited(digits, edit), "x").operators}
    assert "BUILTIN_4321" in names


def test_flipped_bytes_give_a_graph_or_a_sentence(digits: bytes) -> None:
    chance = random.Random(0)
    end = digits.index(b"PK\x03\x04")
    refused = 0
    for _ in range(150):
        damaged = bytearray(digits)
        for _ in range(chance.choice((1, 8))):
            damaged[chance.randrange(end)] ^= 1 << chance.randrange(8)
        try:
            inspection_graph.read(tflite_file.parse(bytes(damaged), "x").data, "x")
        except ModelFileError:
            refused += 1
    assert refused > 0
