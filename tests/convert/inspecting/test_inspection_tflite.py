"""The document of a .tflite: our own files and those from elsewhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from convert.device import compatibility
from convert.file.tflite_schema import Operator
from convert.inspecting import inspection, inspection_tflite
from edge_server.errors import ModelFileError
from edge_server.inference import tflite_file


@pytest.fixture(scope="module")
def digits(request: pytest.FixtureRequest) -> dict[str, Any]:
    path: Path = request.getfixturevalue("bundled_model")
    return inspection_tflite.document(path)


def _without_files(path: Path, *names: str) -> bytes:
    """A file of ours without some of what is attached to it."""
    data = path.read_bytes()
    attached = tflite_file.parse(data, "x").attached
    stream = io.BytesIO(data[: data.index(b"PK\x03\x04")])
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, content in attached.items():
            if name not in names:
                archive.writestr(name, content)
    return stream.getvalue()


def test_the_file_and_its_graph(digits: dict[str, Any], bundled_model: Path) -> None:
    file = tflite_file.read(bundled_model)
    assert (digits["size_bytes"], digits["sha256"]) == (len(file.data), file.sha256)
    (image,) = digits["graph"]["inputs"]
    assert (image["dtype"], image["shape"]) == ("uint8", [1, 32, 32, 1])
    assert image["real_range"] == pytest.approx([0.0, 1.0], abs=0.05)
    assert digits["graph"]["signatures"][0]["inputs"] == {"image": image["index"]}
    weights = {w["dtype"]: w["bytes"] for w in digits["graph"]["weights"]}
    assert set(weights) == {"int8", "int32"}
    assert weights["int8"] > weights["int32"] > 0


def test_the_oldest_runtime_stands_beside_the_claim(digits: dict[str, Any]) -> None:
    operators = [Operator(o["name"], o["version"]) for o in digits["graph"]["operators"]]
    assert digits["runtime"]["oldest"] == compatibility.oldest_runtime(operators) is not None
    assert digits["runtime"]["claimed"] == "1.14.0"


def test_our_own_file_says_everything(digits: dict[str, Any]) -> None:
    assert digits["serving"] == {"possible": True, "options": [], "reason": None}
    assert digits["preprocessing_guess"] is None
    assert digits["labels"]["count"] == 10
    assert digits["metadata"]["standard"]["label_file"] == "labels.txt"
    manifest = digits["manifest"]
    assert manifest["preprocessing"]["color_order"] == "grayscale"
    assert (manifest["recipe"], manifest["target"]) == ("int8", "litert")
    assert manifest["validation"]["verdict"] == "passed"
    assert manifest["source"]["fingerprint"].startswith("sha256:")
    assert digits["problems"] == []


def test_golden_samples_come_with_their_answers(digits: dict[str, Any]) -> None:
    assert len(digits["golden"]) == 4
    for sample in digits["golden"]:
        assert sample["bytes"] > 0
        assert sample["answer"]["index"] == sample["original"]["index"]
        assert sample["answer"]["label"] == str(sample["answer"]["index"])
        assert 0.5 < sample["answer"]["score"] <= 1


def test_all_tensors_only_on_demand(digits: dict[str, Any], bundled_model: Path) -> None:
    assert "tensors" not in digits["graph"]
    everything = inspection_tflite.document(bundled_model, all_tensors=True)["graph"]
    assert len(everything["tensors"]) == everything["tensor_count"]


def test_a_file_without_a_manifest_is_read_by_its_standard_metadata(
    bundled_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plain.tflite"
    path.write_bytes(_without_files(bundled_model, "edge.json"))
    document = inspection_tflite.document(path)
    assert (document["manifest"], document["golden"]) == (None, [])
    assert document["serving"]["options"] == []
    assert document["metadata"]["standard"]["std"]


def test_a_bare_file_says_which_options_it_needs_and_what_its_range_suggests(
    models: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bare.tflite"
    path.write_bytes(bare(models / "colours", quantized=True))
    document = inspection_tflite.document(path)
    assert document["serving"]["options"] == ["--labels", "--preprocessing"]
    assert document["metadata"]["standard"] is None
    assert document["preprocessing_guess"]["options"] == "--preprocessing tf"


def test_a_float_file_gives_nothing_to_guess_from(models: Path, tmp_path: Path) -> None:
    path = tmp_path / "bare.tflite"
    path.write_bytes(bare(models / "colours"))
    assert inspection_tflite.document(path)["preprocessing_guess"]["preset"] is None


def test_labels_of_another_count_are_told(bundled_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.tflite"
    data = _without_files(bundled_model, "labels.txt")
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", "zero\none\n")
    path.write_bytes(stream.getvalue())
    serving = inspection_tflite.document(path)["serving"]
    assert serving["options"] == ["--labels"]
    assert "2 labels for 10 classes" in serving["reason"]


def test_a_manifest_of_another_version_does_not_hide_the_graph(
    bundled_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "newer.tflite"
    stream = io.BytesIO(_without_files(bundled_model, "edge.json"))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("edge.json", json.dumps({"format_version": 99}))
    path.write_bytes(stream.getvalue())
    document = inspection_tflite.document(path)
    assert document["graph"]["operators"]
    assert document["serving"]["possible"] is False
    assert "another version" in document["problems"][0]


def test_what_is_no_image_classifier_is_told_why(shared: Path) -> None:
    document = inspection.inspect(shared / "tflite" / "fails_at_invoke.tflite")
    assert document["serving"]["possible"] is False
    assert "[1, 3]" in document["serving"]["reason"]
    assert document["runtime"] == {
        "oldest": None,
        "claimed": None,
        "select_tf": [],
        "custom": ["fake-op-double"],
    }


@pytest.mark.parametrize(
    ("name", "dtype", "labels"),
    [
        ("mobilenet_v1_0.25_224_float_metadata", "float32", "labels.txt"),
        ("mobilenet_v1_0.25_224_quant_metadata", "uint8", "labels.txt"),
        ("mobilenet_v2_1.0_224_quant_no_metadata", "uint8", "imagenet_labels.txt"),
    ],
)
def test_files_from_elsewhere(shared: Path, name: str, dtype: str, labels: str) -> None:
    document = inspection.inspect(shared / "tflite" / f"{name}.tflite")
    assert document["graph"]["inputs"][0]["dtype"] == dtype
    assert document["manifest"] is None
    standard = document["metadata"]["standard"]
    assert (standard["mean"], standard["std"]) == ([127.5], [127.5])
    assert standard["label_file"] == labels
    assert document["labels"]["count"] == 1001
    assert document["serving"]["options"] == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_a_sentence(
    bundled_model: Path, tmp_path: Path, share: float
) -> None:
    data = bundled_model.read_bytes()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(data[: int(len(data) * share)])
    try:
        document = inspection.inspect(cut)
    except ModelFileError as error:
        assert "copy" in str(error)
    else:
        # The graph is whole; what stood behind it is gone, and that is said.
        assert "copy it again" in document["problems"][0]


def bare(saved_model: Path, *, quantized: bool = False) -> bytes:
    """What TFLiteConverter makes, with nothing in it but the graph."""
    import numpy as np
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model))
    if quantized:
        chance = np.random.default_rng(0)

        def pictures() -> Any:
            for _ in range(8):
                yield [chance.uniform(-1, 1, (1, 24, 24, 3)).astype(np.float32)]
            yield [np.full((1, 24, 24, 3), -1, np.float32)]
            yield [np.ones((1, 24, 24, 3), np.float32)]

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = pictures
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    return bytes(converter.convert())
