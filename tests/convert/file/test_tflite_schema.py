"""Reading and rewriting a .tflite's graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from convert.errors import BuildError
from convert.file import tflite_schema
from convert.file.tflite_schema import Graph, Operator, schema
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
    once = tflite_schema.with_metadata(model, {"extra": b"first"})
    twice = tflite_schema.with_metadata(once, {"extra": b"second"})
    root = schema.Model.GetRootAs(twice, 0)
    names = [root.Metadata(i).Name() for i in range(root.MetadataLength())]
    assert names.count(b"extra") == 1
    assert tflite_file.parse(twice, "x").metadata["extra"] == b"second"


def test_replaced_metadata_leaves_nothing_behind(model: bytes) -> None:
    once = tflite_schema.with_metadata(model, {"extra": b"first" * 1000})
    twice = tflite_schema.with_metadata(once, {"extra": b"second"})
    assert b"firstfirst" not in twice
    assert len(tflite_schema.unpack(twice).buffers) == len(tflite_schema.unpack(once).buffers)


def test_metadata_that_shares_a_buffer_with_a_tensor_spares_it(model: bytes) -> None:
    root = tflite_schema.unpack(model)
    shared = next(i for i, b in enumerate(root.buffers) if i and b.data is not None)
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"extra", shared
    root.metadata.append(entry)
    written = tflite_schema.with_metadata(tflite_schema.pack(root), {"extra": b"new"})
    after = tflite_schema.unpack(written)
    assert after.buffers[shared].data.tobytes() == root.buffers[shared].data.tobytes()
    assert tflite_file.parse(written, "x").metadata["extra"] == b"new"


def weights(data: bytes) -> list[tuple[int, bytes]]:
    """Where each buffer stands in the file, and what is in it."""
    root = schema.Model.GetRootAs(data, 0)
    buffers = [root.Buffers(i) for i in range(root.BuffersLength())]
    return [
        (b._tab.Vector(b._tab.Offset(4)), b.DataAsNumpy().tobytes())
        for b in buffers
        if b.DataLength()
    ]


@pytest.mark.parametrize("extra", [b"", b"odd", b"x" * 16, b"y" * 12345])
def test_weights_are_the_same_bytes_and_aligned_as_the_schema_says(
    model: bytes, extra: bytes
) -> None:
    """schema.fbs: Buffer.data (force_align: 16), from the start of the file."""
    written = weights(tflite_schema.with_metadata(model, {"extra": extra}))
    known = [content for _, content in weights(model)]
    assert [content for _, content in written[: len(known)]] == known
    assert {position % 16 for position, _ in written} == {0}


def test_unpacking_and_packing_changes_nothing_that_is_read(model: bytes) -> None:
    packed = tflite_schema.pack(tflite_schema.unpack(model))
    assert tflite_schema.describe(packed) == tflite_schema.describe(model)
    assert tflite_file.parse(packed, "x").metadata == tflite_file.parse(model, "x").metadata
    assert packed == tflite_schema.pack(tflite_schema.unpack(packed))


def test_weights_can_be_edited_in_place_or_given_as_any_array(model: bytes) -> None:
    root = tflite_schema.unpack(model)
    numbers = [i for i, b in enumerate(root.buffers) if b.data is not None and b.data.size % 4 == 0]
    first, second, third = numbers[:3]
    root.buffers[first].data[:] = 7
    root.buffers[second].data = np.arange(-2, 3, dtype=np.int32)
    root.buffers[third].data = b"bytes"
    again = tflite_schema.unpack(tflite_schema.pack(root))
    assert set(again.buffers[first].data.tolist()) == {7}
    assert again.buffers[second].data.view(np.int32).tolist() == [-2, -1, 0, 1, 2]
    assert again.buffers[third].data.tobytes() == b"bytes"
    assert root.buffers[second].data.dtype == np.int32, "what was given stays as it is"
    assert model == bytes(model), "and so does the file that was read"
    assert tflite_schema.unpack(model).buffers[first].data.tolist() != [7]


def test_a_model_beyond_2_gb_is_refused_before_it_is_built(model: bytes) -> None:
    root = tflite_schema.unpack(model)
    half = np.broadcast_to(np.uint8(0), 2**30)
    for _ in range(2):
        root.buffers.append(schema.BufferT(half))
    with pytest.raises(BuildError, match="2 GB"):
        tflite_schema.pack(root)


def test_weights_outside_the_flatbuffer_are_refused_not_lost(model: bytes) -> None:
    root = tflite_schema.unpack(model)
    root.buffers[1].data, root.buffers[1].offset, root.buffers[1].size = None, 70_000, 16
    with pytest.raises(BuildError, match="2 GB"):
        tflite_schema.pack(root)
    builder = flatbuffers.Builder()
    builder.Finish(root.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(BuildError, match="2 GB"):
        tflite_schema.unpack(bytes(builder.Output()))


SCHEMA_ALONE = """
import json, sys
from convert.file import tflite_schema
loaded = [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "ai_edge_litert")]
mapped = [line for line in open("/proc/self/maps") if "LiteRt" in line or "tensorflow" in line]
graph = tflite_schema.describe(open(sys.argv[1], "rb").read())
print(json.dumps({"loaded": loaded, "mapped": mapped, "operators": len(graph.operators)}))
"""


def test_the_schema_brings_no_runtime_into_the_process(
    bundled_model: Path, without_tensorflow: Callable[..., Any]
) -> None:
    """`import ai_edge_litert` maps its library for all; TensorFlow must not meet it."""
    said = without_tensorflow(SCHEMA_ALONE, bundled_model)
    assert said["operators"] > 1
    assert (said["loaded"], said["mapped"]) == ([], [])


def test_tensorflow_works_beside_the_schema(model: bytes) -> None:
    """Both in this process: TensorFlow's interpreter runs what was packed here."""
    import tensorflow as tf

    answers = []
    for data in (model, tflite_schema.pack(tflite_schema.unpack(model))):
        interpreter = tf.lite.Interpreter(model_content=data)
        interpreter.allocate_tensors()
        image = interpreter.get_input_details()[0]
        interpreter.set_tensor(image["index"], np.full(image["shape"], 200, image["dtype"]))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    assert (answers[0] == answers[1]).all()
