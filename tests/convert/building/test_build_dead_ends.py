"""A recipe that fails is no dead end: what was tried and passes is named, `auto` takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.errors import RecipeFailed

Build = Callable[..., Any]


def test_a_crash_of_the_converter_is_a_sentence_with_a_recipe_that_passes(
    build: Build, models: Path
) -> None:
    ran, output = build(models / "logarithm", preprocessing="raw")
    assert ran.status == 1
    assert "converter crashed (SIGSEGV), while it converted" in ran.sentence()
    assert "Inside the model, Log is infinite or no number (NaN) for" in ran.sentence()
    assert "Use --recipe float16, which passes (float16 gives the" in ran.sentence()
    assert "answer on 100.0% of" in ran.sentence()
    assert not output.exists()


def test_auto_goes_on_with_the_recipes_that_the_converter_does_not_crash_on(
    build: Build, models: Path
) -> None:
    ran, output = build(models / "logarithm", "--recipe", "auto", preprocessing="raw")
    assert ran.status == 0, ran.said
    report = json.loads((output / "report.json").read_text())
    crashed = [reason for reason in report["not_possible"] if "crashed (SIGSEGV)" in reason]
    assert "int8" in [reason.split(":")[0] for reason in crashed]
    assert report["recipe"] in ("float16", "float32")
    assert {path.name for path in output.iterdir()} == {
        "model.tflite",
        "report.html",
        "report.json",
    }


def test_a_build_says_what_it_took_with_the_converter(build: Build, models: Path) -> None:
    ran, output = build(models / "colours", "--recipe", "float32")
    told = json.loads((output / "report.json").read_text())["cost"]
    # Two processes with TensorFlow in them.
    assert told["peak_memory_mb"] > 600
    assert f"at most {told['peak_memory_mb'] / 1e3:.1f} GB of memory" in ran.sentence()


def test_where_every_recipe_fails_it_is_said_so(
    build: Build, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(*_: object, **__: object) -> bytes:
        raise RecipeFailed("TensorFlow could not convert it.")

    monkeypatch.setattr("convert.device.target_conversion.quantize.convert", convert)
    ran, output = build(models / "colours", "--recipe", "float16")
    assert ran.status == 1
    assert ran.sentence() == (
        "edge-convert: TensorFlow could not convert it. dynamic and float32 were tried and fail as "
        "well: the model itself has to change."
    )
    assert not output.exists()
