"""What a path is, told without TensorFlow, and a fingerprint that changes with every byte."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.errors import UsageError
from convert.sources import source_path

HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(64)


def zipped(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return path


def written(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        source_path.check_path(path)
    said = str(caught.value)
    assert said.startswith(str(path)) or f"no {path}" in said
    return said


def test_a_real_saved_model_is_one(models: Path) -> None:
    assert source_path.format_of(models / "colours") == source_path.SAVED_MODEL


def test_keras_files_are_known_by_their_content_whatever_they_are_called(tmp_path: Path) -> None:
    keras = zipped(tmp_path / "a.model", "config.json", "metadata.json", "model.weights.h5")
    assert source_path.format_of(keras) == source_path.KERAS
    assert source_path.format_of(written(tmp_path / "b.keras", HDF5)) == source_path.H5
    source_path.check_path(written(tmp_path / "c.h5", HDF5))


def test_all_of_it_is_said_without_tensorflow(
    tmp_path: Path, without_tensorflow: Callable[..., Any]
) -> None:
    script = (
        "import json, sys; from pathlib import Path; from convert.sources import source_path as s\n"
        "print(json.dumps([s.format_of(Path(sys.argv[1])), 'tensorflow' in sys.modules]))"
    )
    assert without_tensorflow(script, written(tmp_path / "a.h5", HDF5)) == ["h5", False]


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert "There is no" in refusal(tmp_path / "nowhere")


def test_the_file_in_a_saved_model_leads_to_its_directory(models: Path) -> None:
    said = refusal(models / "colours" / "saved_model.pb")
    assert "is a file; a SavedModel is a directory" in said
    assert said.endswith(f"give {models / 'colours'}.")


def test_a_directory_above_saved_models_leads_to_them(models: Path, tmp_path: Path) -> None:
    """TensorFlow Serving keeps each version in a directory of its own."""
    shutil.copytree(models / "colours", tmp_path / "served" / "7")
    assert str(tmp_path / "served" / "7") in refusal(tmp_path / "served")


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("other.txt", "no saved_model.pb"),
        ("checkpoint", "a training checkpoint"),
        ("ckpt-3.index", "a training checkpoint"),
        ("model.json", "a TensorFlow.js model"),
        ("model.pb", "holds model.pb, a frozen TensorFlow 1 graph"),
        ("keras_model.h5", "holds a Keras file: give "),
    ],
)
def test_another_directory_is_named(tmp_path: Path, inside: str, said: str) -> None:
    written(tmp_path / inside, "{}")
    assert said in refusal(tmp_path)


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("archive/data.pkl", "a PyTorch model"),
        ("weights/model.json", "a TensorFlow.js model"),
        ("model_unquant.tflite", "converted already: give the model that it was converted from"),
        ("readme.txt", "a zip file, not a model"),
    ],
)
def test_another_zip_is_named(tmp_path: Path, inside: str, said: str) -> None:
    assert said in refusal(zipped(tmp_path / "download.zip", inside))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("graph.pb", b"\x0a\x0dnodes", "a frozen TensorFlow 1 graph"),
        ("model.tflite", b"\x1c\x00\x00\x00TFL3" + bytes(40), "a .tflite model already"),
        ("model.bin", b"\x1c\x00\x00\x00TFL3" + bytes(40), "a .tflite model already"),
        ("model.onnx", b"\x08\x07pytorch", "an ONNX model"),
        ("weights.pth", b"\x80\x02pickle", "a PyTorch model"),
        ("model.json", json.dumps({"modelTopology": {}}), "a TensorFlow.js model"),
        ("config.json", json.dumps({"a": 1}), "a file of another kind"),
        ("model.ckpt", b"\x00weights", "a training checkpoint"),
        ("module.tar.gz", b"\x1f\x8b\x08 hub", "an archive: unpack it"),
        ("keras_model.h5", b"<html>not found</html>", "damaged, or no Keras file"),
        ("photo.jpg", b"\xff\xd8\xff\xe0", "a file of another kind"),
        ("model.h5", b"", "is empty"),
    ],
)
def test_another_file_is_named(tmp_path: Path, name: str, content: bytes | str, said: str) -> None:
    assert said in refusal(written(tmp_path / name, content))


def test_a_tflite_with_labels_zipped_to_its_end_is_known(tmp_path: Path) -> None:
    file = written(tmp_path / "model.tflite", b"\x1c\x00\x00\x00TFL3" + bytes(40))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.txt", "cat")
    assert "a .tflite model already" in refusal(file)


def test_a_copy_elsewhere_has_the_same_fingerprint(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "colours", tmp_path / "copy")
    first = source_path.fingerprint(models / "colours")
    assert first == source_path.fingerprint(tmp_path / "copy")
    assert first.startswith("sha256:")
    assert len(first) == len("sha256:") + 64


def test_a_changed_weight_changes_the_fingerprint(models: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(models / "colours", copy)
    data = bytearray((copy / "saved_model.pb").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "saved_model.pb").write_bytes(bytes(data))
    assert source_path.fingerprint(copy) != source_path.fingerprint(models / "colours")


def test_a_renamed_file_changes_the_fingerprint_of_its_directory(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    before = source_path.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert source_path.fingerprint(tmp_path) != before


def test_the_fingerprint_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2
    assert source_path.fingerprint(written(tmp_path / "a.h5", b"abc")) == f"sha256:{known}"
