from __future__ import annotations

import hashlib
import io
import random
import subprocess
import sys
import zipfile

import pytest

from edge_server.errors import EdgeError, ModelFileError
from edge_server.inference import tflite_file
from edge_server.inference.tflite_file import METADATA_ENTRY, parse, read

# Loads what it is given and says how that went; a runtime that dies says nothing.
LOAD = """if True:
    import sys
    from pathlib import Path
    from edge_server.errors import EdgeError
    from edge_server.inference import bundle
    from edge_server.inference.classifier import Classifier
    data = Path(sys.argv[1]).read_bytes()
    cut = Path(sys.argv[2])
    for end in sys.stdin.read().split():
        cut.write_bytes(data[: int(end)])
        try:
            Classifier(bundle.read(cut, preset="unit"))
        except EdgeError as error:
            print(end, "refused", error, flush=True)
        else:
            print(end, "loaded", flush=True)
"""


def test_a_real_model_is_taken_apart(bundled_model):
    file = read(bundled_model)
    assert file.data == bundled_model.read_bytes()
    assert file.sha256 == hashlib.sha256(file.data).hexdigest()
    assert {"labels.txt", "edge.json"} < set(file.attached)
    assert file.attached["labels.txt"].split() == [b"%d" % n for n in range(10)]
    assert file.metadata[METADATA_ENTRY][4:8] == b"M001"


def test_a_model_with_nothing_attached_is_read(mean_model):
    file = parse(mean_model(), "m")
    assert (file.metadata, file.attached) == ({}, {})


def test_compressed_files_are_read_too(mean_model):
    stream = io.BytesIO(mean_model())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "red\n" * 100)
    assert parse(stream.getvalue(), "m").attached == {"labels.txt": b"red\n" * 100}


def test_a_file_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "none.tflite"
    with pytest.raises(ModelFileError, match=r"none\.tflite can't be read \(No such file") as e:
        read(path)
    assert e.value.exit_status == 2


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello, world " * 9, b"\0" * 64])
def test_a_file_without_the_mark_is_no_model(data):
    with pytest.raises(ModelFileError, match=r"m is not a \.tflite model .*convert build"):
        parse(data, "m")


@pytest.mark.parametrize("data", [b"\x1c\0\0\0TFL3", b"\xff\xff\xff\x7fTFL3" + b"\xff" * 64])
def test_the_mark_alone_makes_no_model(data):
    with pytest.raises(ModelFileError, match="damaged or incomplete"):
        parse(data, "m")


def test_a_model_without_a_graph_is_refused(tables):
    t = tables()
    t.builder.Finish(t.table({4: t.tables([])}), file_identifier=b"TFL3")
    with pytest.raises(ModelFileError, match="damaged or incomplete"):
        parse(bytes(t.builder.Output()), "m")


@pytest.mark.parametrize("attached", [True, False], ids=["with files", "graph alone"])
def test_a_copy_that_was_cut_off_is_refused_before_a_runtime_sees_it(
    attached, bundled_model, tmp_path, root
):
    # In a process of its own: tflite-runtime dies of such files when it is given them.
    data = bundled_model.read_bytes()
    if not attached:
        with zipfile.ZipFile(bundled_model) as archive:
            data = data[: min(info.header_offset for info in archive.infolist())]
    whole = tmp_path / "whole.tflite"
    whole.write_bytes(data)
    ends = [*range(0, len(data), len(data) // 60), *range(len(data) - 400, len(data) - 8, 7)]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(whole), str(tmp_path / "cut.tflite")],
        input=" ".join(map(str, ends)),
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    answers = done.stdout.splitlines()
    assert done.returncode == 0, f"died after {answers[-1:]}"
    assert len(answers) == len(ends)
    assert all(" refused " in line and line.endswith("again.") for line in answers[1:]), answers


def test_a_damaged_attachment_is_refused(bundled_model):
    data = bytearray(bundled_model.read_bytes())
    at = data.index(b'"format_version"')
    data[at : at + 4] = b"XXXX"
    with pytest.raises(ModelFileError, match=r"attached to m can't be read .*edge\.json"):
        parse(bytes(data), "m")


def test_attached_files_that_unpack_to_too_much_are_refused(mean_model):
    stream = io.BytesIO(mean_model())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(tflite_file._MAX_ATTACHED_BYTES + 1))
    data = stream.getvalue()
    assert len(data) < 100_000
    with pytest.raises(ModelFileError, match="over 64 MiB when unpacked"):
        parse(data, "m")


def test_damaged_models_are_read_or_refused_in_a_sentence(bundled_model, mean_model):
    chance = random.Random(5)
    stream = io.BytesIO(mean_model())
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "red\ngreen\nblue\n" * 20)
    files = [bundled_model.read_bytes(), mean_model(), stream.getvalue()]
    refused = 0
    for _ in range(1500):
        data = bytearray(chance.choice(files))
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            parse(bytes(data), "m")
        except EdgeError as error:
            refused += 1
            assert str(error).endswith("."), error
    assert 300 < refused < 1500


@pytest.mark.parametrize(
    ("name", "tensors", "resources"),
    [
        ("float32", False, False),
        ("int8", False, False),
        ("variable_tensors", True, False),
        ("assigned_variables", False, True),
    ],
)
def test_what_a_graph_keeps_from_one_run_to_the_next(name, tensors, resources, root):
    data = (root / "tests" / "edge_server" / "recipes" / f"{name}.tflite").read_bytes()
    assert tflite_file.state(data) == tflite_file.State(tensors, resources)


def test_a_damaged_graph_keeps_nothing_that_could_be_said(root):
    chance = random.Random(7)
    good = (root / "tests" / "edge_server" / "recipes" / "assigned_variables.tflite").read_bytes()
    refused = 0
    for _ in range(500):
        data = bytearray(good)
        for _ in range(20):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            tflite_file.state(bytes(data))
        except ValueError:
            refused += 1
    assert 50 < refused < 500
