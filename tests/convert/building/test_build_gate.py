"""Builds whose candidate misses the gate: kept, but never under the name that gets deployed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Build = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def crude(build: Build, models: Path, tmp_path: Path) -> Callable[..., Any]:
    """A model that int8 wrecks: all its answers become the same class."""
    labels = tmp_path / "five.txt"
    labels.write_text("red\ngreen\nblue\nyellow\nnever\n")

    def run(*more: str) -> Any:
        return build(models / "crude", *more, labels=labels)

    return run


def test_a_missed_gate_is_exit_status_3_and_no_model_tflite(crude: Build) -> None:
    ran, output = crude()
    assert ran.status == 3
    assert names(output) == {"model.rejected.tflite", "report.html", "report.json"}


def test_a_missed_gate_says_why_on_the_console_and_in_the_report(crude: Build) -> None:
    ran, output = crude()
    report = json.loads((output / "report.json").read_text())
    assert report["verdict"] == "failed"
    assert report["file"] == "model.rejected.tflite"
    assert report["size_bytes"] == (output / "model.rejected.tflite").stat().st_size
    assert len(report["reasons"]) == 2
    assert "--min-agreement" in report["reasons"][0]
    assert "--max-drop" in report["reasons"][1]
    assert report["original"]["top1"] == 1.0
    assert report["candidate"]["top1"] < 0.5
    assert "Traceback" not in ran.said
    for text in ("failed: the same answer", *report["reasons"], "--recipe auto"):
        assert text in ran.said


def test_a_missed_gate_keeps_an_earlier_good_model_aside(
    crude: Build, colours_build: Any, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(colours_build.output, output)
    ran, _ = crude()
    assert ran.status == 3
    assert names(output) == {
        "model.previous.tflite",
        "model.rejected.tflite",
        "report.html",
        "report.json",
    }
    kept = (output / "model.previous.tflite").read_bytes()
    assert kept == colours_build.model.read_bytes()


def test_a_lower_gate_lets_the_same_model_pass(crude: Build) -> None:
    ran, output = crude("--min-agreement", "0.2", "--max-drop", "100")
    assert ran.status == 0
    assert names(output) == {"model.tflite", "report.html", "report.json"}
    report = json.loads((output / "report.json").read_text())
    assert report["thresholds"] == {"min_agreement": 0.2, "max_drop": 100.0}


def test_float32_of_the_same_model_passes(crude: Build) -> None:
    ran, _ = crude("--recipe", "float32")
    assert ran.status == 0
