"""The finished file: one .tflite that every kind of reader understands."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.file import bundle_writer
from convert.file.tflite_schema import schema
from edge_server.inference import bundle, preprocessing, tflite_file, tflite_metadata
from edge_server.inference.manifest import Manifest, Output

LABELS = ("zéro", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
INTERPRET = """
import json, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
runner = Interpreter(model_path=sys.argv[1])
runner.allocate_tensors()
(image,), (scores,) = runner.get_input_details(), runner.get_output_details()
runner.set_tensor(image["index"], np.full(image["shape"], 200, image["dtype"]))
runner.invoke()
print(json.dumps({
    "scores": runner.get_tensor(scores["index"]).ravel().tolist(),
    "tensorflow": "tensorflow" in sys.modules,
}))
"""


@pytest.fixture(scope="module")
def graph(request: pytest.FixtureRequest) -> bytes:
    path: Path = request.getfixturevalue("bundled_model")
    return path.read_bytes()


@pytest.fixture
def described() -> Manifest:
    spec = preprocessing.from_preset("unit", width=32, height=32, channels=1)
    return Manifest("counting", spec, Output.PROBABILITIES, "int8")


@pytest.fixture
def written(graph: bytes, described: Manifest, tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    pictures = {"golden/0.png": b"a picture", "golden/1.png": b"another"}
    file.write_bytes(bundle_writer.write(graph, described, LABELS, pictures))
    return file


def test_the_device_reads_labels_manifest_and_preprocessing(
    written: Path, described: Manifest
) -> None:
    read = bundle.read(written)
    assert read.labels == LABELS
    assert read.manifest == described
    assert read.preprocessing(32, 32, 1) == described.preprocessing
    assert read.file.attached["golden/1.png"] == b"another"


def test_the_files_attached_are_an_ordinary_zip(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["labels.txt", "edge.json", "golden/0.png", "golden/1.png"]
        assert archive.read("labels.txt").decode() == "\n".join(LABELS) + "\n"
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(archive.read("edge.json"))["name"] == "counting"


def test_the_standard_metadata_names_a_file_that_is_attached(written: Path) -> None:
    read = tflite_file.read(written)
    standard = tflite_metadata.read(read.metadata["TFLITE_METADATA"])
    assert standard is not None
    assert standard.label_file in read.attached


def test_the_converters_own_metadata_stays(written: Path, graph: bytes) -> None:
    before = tflite_file.parse(graph, "graph").metadata
    assert "min_runtime_version" in before
    after = tflite_file.read(written).metadata
    assert after["min_runtime_version"] == before["min_runtime_version"]


def test_the_runtime_loads_it_and_answers_as_the_graph_alone(
    written: Path, graph: bytes, tmp_path: Path, without_tensorflow: Callable[..., Any]
) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(graph)
    answers = [without_tensorflow(INTERPRET, file) for file in (bare, written)]
    assert answers[0] == answers[1]
    assert not answers[1]["tensorflow"]


def test_the_same_content_gives_the_same_bytes(graph: bytes, described: Manifest) -> None:
    once = bundle_writer.write(graph, described, LABELS, {"golden/0.png": b"x"})
    assert once == bundle_writer.write(graph, described, LABELS, {"golden/0.png": b"x"})


def test_no_clock_and_no_user_gets_into_the_zip(written: Path) -> None:
    with zipfile.ZipFile(written) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o644}


def test_a_file_is_bundled_anew_without_growing(graph: bytes, described: Manifest) -> None:
    """The graph of a finished file: the old ZIP does not stay behind the new one."""
    once = bundle_writer.write(graph, described, LABELS, {})
    twice = bundle_writer.write(once, described, LABELS, {})
    assert zipfile.ZipFile(io.BytesIO(twice)).namelist() == ["labels.txt", "edge.json"]
    assert abs(len(twice) - len(once)) < 1024


def test_every_buffer_stays_aligned_with_a_zip_behind_it(written: Path) -> None:
    """Of the file, which a runtime maps into memory as it is."""
    root = schema.Model.GetRootAs(written.read_bytes(), 0)
    buffers = [root.Buffers(i) for i in range(root.BuffersLength())]
    positions = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert len(positions) > 10
    assert {position % 16 for position in positions} == {0}


def test_the_input_range_is_that_of_the_tensor(graph: bytes, described: Manifest) -> None:
    data = bundle_writer.write(graph, described, LABELS, {})
    metadata = tflite_file.parse(data, "x").metadata["TFLITE_METADATA"]
    assert struct.pack("<If", 1, 255.0) in metadata, "a vector of one float: the input is uint8"
