"""What options of build do to the file and its report: targets, dtypes, warnings, int8 as is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import better_int8
from convert.better_int8 import Improved, Step
from convert.file import tflite_schema
from convert.graph_pair import GraphPair
from edge_server.inference import bundle

Build = Callable[..., Any]


def document(output: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((output / "report.json").read_text())
    return read


def test_a_target_is_what_the_file_ran_on_and_says(build: Build, models: Path) -> None:
    ran, output = build(models / "colours", "--target", "tflite-2.14", "--recipe", "dynamic")
    # Nothing in so small a model becomes int8, on any runtime.
    assert ran.status == 1
    assert "dynamic would gain nothing" in ran.sentence()
    ran, output = build(models / "colours", "--target", "tflite-2.14")
    assert ran.status == 0
    report = document(output)
    assert report["target"]["name"] == "tflite-2.14"
    assert report["target"]["runtime"] == "tflite-runtime 2.14.0"
    assert report["candidate"]["runtime"] == "tflite-runtime 2.14.0"
    manifest = bundle.read(output / "model.tflite").manifest
    assert manifest is not None
    assert manifest.target == "tflite-2.14"


def test_whether_it_can_be_a_batch_is_recorded_in_the_file(colours_build: Any) -> None:
    manifest = bundle.read(colours_build.model).manifest
    assert manifest is not None
    assert manifest.resizable_batch is True
    assert colours_build.report["target"]["batch"] is True


@pytest.mark.parametrize(("io", "status"), [("float32", 0), ("int8", 0)])
def test_io_chooses_the_dtype_of_input_and_output(
    build: Build, models: Path, io: str, status: int
) -> None:
    ran, output = build(models / "colours", "--io", io)
    assert ran.status == status
    assert document(output)["agreement"]["top1"] == 1.0


def test_a_dtype_that_the_recipe_cannot_have_is_wrong_usage(build: Build, models: Path) -> None:
    ran, output = build(models / "colours", "--recipe", "float16", "--io", "uint8")
    assert ran.status == 2
    assert "--io" in ran.sentence()
    assert not output.exists()


def test_better_int8_is_tried_unless_it_is_switched_off(
    colours_build: Any, build: Build, models: Path
) -> None:
    steps = [step["step"] for step in colours_build.report["better_int8"]]
    assert steps[:3] == ["weight rounding", "bias correction", "channel splitting"]
    ran, output = build(models / "colours", "--stock-int8")
    assert ran.status == 0
    assert document(output)["better_int8"] == []


def test_a_bettered_file_that_is_worse_on_the_targets_runtime_is_not_delivered(
    build: Build, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock: list[GraphPair] = []

    def worse(float_model: bytes, int8_model: bytes, *_: Any, **__: Any) -> Improved:
        """Steps that seem good while they are made, as on kernels that no device has."""
        stock.append(GraphPair(float_model, int8_model))
        pair, layer = stock[0].fork(), stock[0].layers[-1]
        pair.set_weights(layer, np.roll(pair.weights(layer), 1, axis=0))
        step = Step("weight rounding", True, "the scores moved nearer")
        return Improved(pair.pack(), (step,), float_model)

    monkeypatch.setattr(better_int8, "improve", worse)
    ran, output = build(models / "colours")
    assert ran.status == 0
    report = document(output)
    assert report["agreement"]["top1"] == 1.0
    step, comparison = report["better_int8"]
    assert step["kept"] is comparison["kept"] is False
    assert step["why"] == "the scores moved nearer; dropped by the comparison with the stock file"
    assert comparison["why"].startswith("on 4 photos held back from all steps, on ai-edge-litert ")
    assert comparison["why"].endswith("so the converter's own weights and biases stay")
    # The delivered weights are the converter's own.
    delivered = tflite_schema.unpack((output / "model.tflite").read_bytes())
    values = [bytes(buffer.data) for buffer in delivered.buffers if buffer.data is not None]
    pair, layer = stock[0], stock[0].layers[-1]
    assert pair.weights(layer).tobytes() in values


def test_calibrating_on_the_validation_photos_is_warned_of(
    build: Build, models: Path, photos: Any
) -> None:
    ran, output = build(models / "colours", calibration=photos.by_class)
    assert ran.status == 0
    assert "warning: 24 calibration photos are among the validation photos too" in ran.said
    checks = {check["name"]: check["status"] for check in document(output)["checks"]}
    assert checks["calibration-validation-overlap"] == "warned"
    assert checks["prediction-collapse"] == "passed"


def test_the_report_says_what_each_step_took(colours_build: Any) -> None:
    cost = colours_build.report["cost"]
    steps = {step["step"]: step["seconds"] for step in cost["steps"]}
    assert "convert to int8" in steps
    assert "round weights and correct biases" in steps
    assert cost["seconds"] == pytest.approx(sum(steps.values()), abs=0.2)
    assert cost["peak_memory_mb"] > 100


def test_the_layers_stand_in_the_report_with_their_errors(colours_build: Any) -> None:
    layers = colours_build.report["layers"]
    assert layers
    assert all(0 <= layer["error"] < 0.5 for layer in layers)
    assert not any(layer["kept_in_float"] for layer in layers)


def test_the_page_is_of_the_same_build(colours_build: Any) -> None:
    page = (colours_build.output / "report.html").read_text()
    assert colours_build.report["sha256"] in page
