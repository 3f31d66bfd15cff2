"""The command line: wrong usage is a sentence and exit status 2, without loading TensorFlow."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert import __main__ as entry

Build = Callable[..., Any]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--min-agreement", "95"], "fraction from 0 to 1"),
        (["--min-agreement", "nan"], "fraction from 0 to 1"),
        (["--max-drop", "-1"], "points from 0 to 100"),
        (["--max-drop", "much"], "points from 0 to 100"),
        (["--recipe", "int4"], "int8"),
        (["--preprocessing", "imagenet"], "caffe"),
        (["--fit", "squeeze"], "letterbox"),
        (["--filter", "cubic"], "bilinear"),
        (["--input-size", "224"], "224x224"),
        (["--input-size", "0x224"], "224x224"),
        (["--calibration-limit", "0"], "whole number from 1"),
        (["--speed", "fast"], "--speed"),
    ],
)
def test_a_bad_option_value_says_what_is_good(
    build: Build, models: Path, options: list[str], said: str
) -> None:
    ran, output = build(models / "colours", *options)
    assert ran.status == 2
    assert said in ran.sentence()
    assert not output.exists()


@pytest.mark.parametrize("missing", ["output", "validation", "preprocessing"])
def test_an_option_that_has_to_be_given_is_named(
    edge_convert: Build, arguments: Build, models: Path, photos: Any, missing: str, tmp_path: Path
) -> None:
    args = arguments(models / "colours", tmp_path, photos)
    where = args.index(f"--{missing}")
    ran = edge_convert(*args[:where], *args[where + 2 :])
    assert ran.status == 2
    assert f"--{missing}" in ran.sentence()


def test_no_command_is_wrong_usage(edge_convert: Build) -> None:
    assert edge_convert().status == 2


@pytest.mark.parametrize("option", ["validation", "calibration", "labels"])
def test_a_path_that_leads_nowhere_is_named(
    build: Build, models: Path, tmp_path: Path, option: str
) -> None:
    ran, output = build(models / "colours", **{option: tmp_path / "nowhere"})
    assert ran.status == 2
    assert "nowhere" in ran.sentence()
    assert not output.exists()


def test_int8_without_calibration_photos_says_so(build: Build, models: Path) -> None:
    ran, output = build(models / "colours", calibration=None)
    assert ran.status == 2
    assert "--calibration" in ran.sentence()
    assert not output.exists()


@pytest.mark.parametrize("lines", [3, 5])
def test_a_label_file_of_the_wrong_length_names_both_numbers(
    build: Build, models: Path, tmp_path: Path, lines: int
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("".join(f"class {n}\n" for n in range(lines)))
    ran, output = build(models / "colours", labels=labels)
    assert ran.status == 2
    assert f"{lines} labels" in ran.sentence()
    assert "4 classes" in ran.sentence()
    assert not output.exists()


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"\xff\xfe\x00", "UTF-8")])
def test_a_label_file_that_is_no_text_is_refused(
    build: Build, models: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    ran, _ = build(models / "colours", labels=tmp_path / "labels.txt")
    assert ran.status == 2
    assert said in ran.sentence()


def test_a_label_map_with_a_gap_is_refused_before_anything_is_made(
    build: Build, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "labels.yaml").write_text("0: red\n1: green\n2: blue\n4: yellow\n")
    ran, output = build(models / "colours", labels=tmp_path / "labels.yaml")
    assert ran.status == 2
    assert "labels.yaml has no class 3 between 2 'blue' and 4 'yellow'" in ran.sentence()
    assert not output.exists()


def test_a_folder_without_photos_is_refused(build: Build, models: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for option in ("validation", "calibration"):
        ran, _ = build(models / "colours", **{option: tmp_path / "empty"})
        assert ran.status == 2
        assert "There are no photos" in ran.sentence()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("words", "does not take one image"),
        ("two_inputs", "does not take one image"),
        ("several", "several signatures (classify, raw)"),
        ("no_signature", "has no signatures"),
        ("free", "--input-size"),
        ("one_number", "puts out a single number, and"),
    ],
)
def test_a_model_that_is_no_image_classifier_is_wrong_usage(
    build: Build, models: Path, model: str, said: str
) -> None:
    ran, output = build(models / model)
    assert ran.status == 2
    assert said in ran.sentence()
    assert not output.exists()


def test_an_unknown_signature_lists_those_there_are(build: Build, models: Path) -> None:
    ran, _ = build(models / "several", "--signature", "predict")
    assert ran.status == 2
    assert "classify, raw" in ran.sentence()


def test_a_preprocessing_that_does_not_go_with_gray_is_refused(build: Build, models: Path) -> None:
    ran, _ = build(models / "gray", preprocessing="caffe", labels=None)
    assert ran.status == 2
    assert "one channel" in ran.sentence()


def test_an_interrupt_is_said_and_leaves_nothing(
    build: Build, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.build.original.run", interrupted)
    ran, output = build(models / "colours")
    assert ran.status == 130
    assert "interrupted" in ran.sentence()
    assert not output.exists()


def test_what_nobody_foresaw_is_a_sentence_too(
    build: Build, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        os.write(2, b"tensorflow: the reason\n")
        raise RuntimeError("inner workings")

    monkeypatch.setattr("convert.build.original.run", broken)
    ran, output = build(models / "colours")
    assert ran.status == 1
    assert "Traceback" not in ran.said
    assert "RuntimeError: inner workings" in ran.said
    assert "--verbose" in ran.said
    assert "tensorflow: the reason" in ran.sentence()
    assert not output.exists()


def test_help_names_every_exit_status_and_preprocessing(
    edge_convert: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ran = edge_convert("build", "--help")
    assert ran.status == 0
    for text in ("0 passed, 3", "caffe: ", "float32: ", "--max-drop", "default: 0.95"):
        assert text in ran.said


# --- As a process of its own -------------------------------------------------------------------


@pytest.fixture
def garbage(tmp_path: Path) -> Path:
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "saved_model.pb").write_bytes(b"garbage" * 100)
    return tmp_path / "garbage"


def test_a_garbage_saved_model_in_a_real_process(
    command: Build, arguments: Build, garbage: Path, photos: Any, tmp_path: Path
) -> None:
    ran = command(*arguments(garbage, tmp_path / "out", photos))
    assert ran.status == 2
    assert "can't be loaded as a SavedModel" in ran.sentence()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["missing", "file", "empty directory"])
def test_what_is_no_saved_model_is_said_before_tensorflow_is_loaded(
    edge_convert: Build, arguments: Build, photos: Any, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "model"
    if kind == "file":
        path.write_text("x")
    elif kind == "empty directory":
        path.mkdir()
    ran = edge_convert(*arguments(path, tmp_path / "out", photos))
    assert ran.status == 2
    assert str(path) in ran.sentence()
    assert "load TensorFlow" not in ran.said
    assert not (tmp_path / "out").exists()


def test_an_output_directory_without_permission_is_a_sentence(
    command: Build, arguments: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    for output in (locked, locked / "below"):
        ran = command(*arguments(models / "colours", output, photos), obey_modes=True)
        assert ran.status == 1
        assert "can't be written (Permission denied)" in ran.sentence()
        assert "--output" in ran.sentence()
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("option", ["saved_model", "validation", "labels"])
def test_an_input_without_permission_is_a_sentence(
    command: Build, arguments: Build, models: Path, photos: Any, tmp_path: Path, option: str
) -> None:
    locked = tmp_path / "locked"
    shutil.copytree(models / "colours", locked / "inside")
    locked.chmod(0o000)
    if option == "saved_model":
        args = arguments(locked / "inside", tmp_path / "out", photos)
    else:
        args = arguments(
            models / "colours", tmp_path / "out", photos, **{option: locked / "inside"}
        )
    try:
        ran = command(*args, obey_modes=True)
    finally:
        locked.chmod(0o755)
    assert ran.status in (1, 2)
    assert "inside" in ran.sentence()
    assert "unforeseen" not in ran.said


def test_a_file_in_the_way_of_the_output_is_a_sentence(
    build: Build, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("keep me")
    ran, _ = build(models / "colours", output=tmp_path / "file")
    assert ran.status == 1
    assert "can't be written" in ran.sentence()
    assert (tmp_path / "file").read_text() == "keep me"


def test_a_good_build_as_a_process_prints_steps_verdict_and_nothing_of_tensorflow(
    command: Build, arguments: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    ran = command(*arguments(models / "colours", tmp_path / "out", photos))
    assert ran.status == 0
    assert "passed: the same answer as the original on 100.0% of 24 photos" in ran.said
    assert "load TensorFlow" in ran.said
    for noise in ("absl", "cuda", "WARNING", "XNNPACK delegate"):
        assert noise not in ran.said


def test_the_console_script_is_what_python_m_runs(root: Path) -> None:
    text = (root / "pyproject.toml").read_text()
    assert f'edge-convert = "{entry.run.__module__}:{entry.run.__name__}"' in text


def test_reading_the_command_line_does_not_load_tensorflow(without_tensorflow: Build) -> None:
    script = "import json, sys, convert.cli; print(json.dumps('tensorflow' in sys.modules))"
    assert without_tensorflow(script) is False
