"""Builds that break at any stage change nothing, and say why in a sentence."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert import quantize
from convert.errors import BuildError
from convert.file import bundle_writer

Build = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def broken_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: object, **__: object) -> bytes:
        raise BuildError("TensorFlow could not convert it.")

    monkeypatch.setattr("convert.device.target_conversion.quantize.convert", convert)


def broken_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that makes what the runtime refuses."""
    real = quantize.convert

    def convert(*args: Any, **more: Any) -> bytes:
        from tensorflow.lite.python import schema_py_generated as schema

        data = bytearray(real(*args, **more))
        code = schema.Model.GetRootAs(data, 0).OperatorCodes(0)
        # STABLEHLO_CASE has no kernel; one of another operator would read what it must not.
        data[code._tab.Pos + code._tab.Offset(4)] = 127  # "see the other field"
        data[code._tab.Pos + code._tab.Offset(10)] = 209
        return bytes(data)

    monkeypatch.setattr("convert.device.target_conversion.quantize.convert", convert)


def broken_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished file that does not answer as the candidate did."""
    real = bundle_writer.write

    def write(graph: bytes, manifest: Any, labels: Any, golden: dict[str, bytes]) -> bytes:
        pictures = list(golden.values())
        turned = dict(zip(golden, pictures[1:] + pictures[:1], strict=True))
        return real(graph, manifest, labels, turned)

    monkeypatch.setattr("convert.build.bundle_writer.write", write)


def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def document(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.build.report.document", document)


@pytest.mark.parametrize(
    ("breakage", "status", "said"),
    [
        (broken_converter, 1, "could not convert"),
        (broken_graph, 1, "can't run"),
        (broken_bundle, 1, "does not answer on this device"),
        (interrupted, 130, "interrupted"),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_a_build_that_breaks_changes_nothing(
    build: Build,
    models: Path,
    colours_build: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    breakage: Callable[[pytest.MonkeyPatch], None],
    status: int,
    said: str,
    earlier: bool,
) -> None:
    output = tmp_path / "out"
    if earlier:
        shutil.copytree(colours_build.output, output)
    breakage(monkeypatch)
    ran, _ = build(models / "colours")
    assert ran.status == status
    assert said in ran.sentence()
    if earlier:
        assert names(output) == {"model.tflite", "report.html", "report.json"}
        assert (output / "model.tflite").read_bytes() == colours_build.model.read_bytes()
    else:
        assert not output.exists()


def test_a_runtime_that_crashes_stops_the_build_with_a_sentence(
    build: Build, models: Path, fake_runtime: Callable[[str], None]
) -> None:
    fake_runtime("import ctypes\ndef Interpreter(**_): ctypes.string_at(0)\n")
    ran, output = build(models / "colours")
    assert ran.status == 1
    assert "crashed (signal 11)" in ran.sentence()
    assert "dynamic, float16 and float32 were tried and fail as well" in ran.sentence()
    assert not output.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_real_process_that_is_interrupted_leaves_nothing(
    root: Path, arguments: Build, models: Path, photos: Any, tmp_path: Path, number: int
) -> None:
    output = tmp_path / "out"
    args = arguments(models / "colours", output, photos)
    with subprocess.Popen(
        [sys.executable, "-m", "convert", *args],
        cwd=root,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stderr is not None
        assert any("load TensorFlow" in line for line in child.stderr)
        end = time.monotonic() + 60
        while not list(tmp_path.glob("out/.build-*")) and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.1)  # at work, not about to begin
        child.send_signal(number)
        said = child.stderr.read()
    assert child.returncode == 130, said
    assert "interrupted; nothing was left behind" in said
    assert "Traceback" not in said
    assert not output.exists()
