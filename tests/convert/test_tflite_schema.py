"""Reading and rewriting a .tflite's graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert import tflite_schema
from convert.tflite_schema import Graph, Operator
from edge_server.inference import tflite_file


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest) -> bytes:
    path: Path = request.getfixturevalue("bundled_model")
    return path.read_bytes()


def test_operators_are_those_that_the_build_recorded(model: bytes) -> None:
    from edge_server.inference import manifest

    recorded = manifest.from_bytes(
        tflite_file.parse(model, "digits").attached["edge.json"], "digits"
    ).operators
    found = tflite_schema.describe(model).operators
    assert [{"name": o.name, "version": o.version} for o in found] == list(recorded)
    assert "CONV_2D" in {o.name for o in found}


def test_inputs_and_outputs_have_dtype_and_shape(model: bytes) -> None:
    graph = tflite_schema.describe(model)
    assert [(t.dtype, t.shape) for t in graph.inputs] == [("uint8", (1, 32, 32, 1))]
    assert [(t.dtype, t.shape) for t in graph.outputs] == [("uint8", (1, 10))]


def test_operators_of_tensorflow_itself_are_told_from_the_runtimes_own() -> None:
    graph = Graph((), (), (Operator("CONV_2D", 3), Operator("FlexSvd", 1)), ())
    assert graph.select_tf_operators == ("FlexSvd",)


def test_metadata_is_added_and_the_graph_stays(model: bytes) -> None:
    written = tflite_schema.with_metadata(model, {"extra": b"\x00\x01\xff" * 50})
    assert tflite_schema.describe(written) == tflite_schema.describe(model)
    before = tflite_file.parse(model, "x").metadata
    assert tflite_file.parse(written, "x").metadata == before | {"extra": b"\x00\x01\xff" * 50}


def test_metadata_of_the_same_name_is_replaced(model: bytes) -> None:
    from tensorflow.lite.python import schema_py_generated as schema

    once = tflite_schema.with_metadata(model, {"extra": b"first"})
    twice = tflite_schema.with_metadata(once, {"extra": b"second"})
    root = schema.Model.GetRootAs(twice, 0)
    names = [root.Metadata(i).Name() for i in range(root.MetadataLength())]
    assert names.count(b"extra") == 1
    assert tflite_file.parse(twice, "x").metadata["extra"] == b"second"


def test_weights_are_the_same_bytes_and_aligned_for_32_bit_reads(model: bytes) -> None:
    """An int32 bias at an odd address would stop a 32-bit Pi."""
    from tensorflow.lite.python import schema_py_generated as schema

    def weights(data: bytes) -> list[tuple[int, bytes]]:
        root = schema.Model.GetRootAs(data, 0)
        buffers = [root.Buffers(i) for i in range(root.BuffersLength())]
        return [
            (b._tab.Vector(b._tab.Offset(4)), b.DataAsNumpy().tobytes())
            for b in buffers
            if b.DataLength()
        ]

    written = weights(tflite_schema.with_metadata(model, {"extra": b"odd"}))
    assert [content for _, content in written[:-1]] == [content for _, content in weights(model)]
    assert {position % 4 for position, _ in written} == {0}
