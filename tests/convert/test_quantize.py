"""What comes out of a conversion is what the recipe says, or a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from convert import calibration, photos, quantize, source, tflite_schema
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import BuildError
from convert.recipes import RECIPES
from convert.source import Source
from edge_server.inference import preprocessing

INT8, FLOAT32 = RECIPES["int8"], RECIPES["float32"]


@pytest.fixture(scope="module")
def calibrated(request: pytest.FixtureRequest) -> Calibration:
    folder = request.getfixturevalue("photos").calibration
    spec = preprocessing.from_preset("tf", width=24, height=24)
    return calibration.load(photos.read_unlabelled(folder), spec, 12, Console())


@pytest.fixture(scope="module")
def colours(request: pytest.FixtureRequest) -> Source:
    return source.load(request.getfixturevalue("models") / "colours", None)


def test_int8_is_integers_only_with_uint8_in_and_out(
    colours: Source, calibrated: Calibration, console: Console
) -> None:
    graph = tflite_schema.describe(quantize.convert(colours, INT8, calibrated, console))
    assert [(t.dtype, t.shape) for t in graph.inputs] == [("uint8", (1, 24, 24, 3))]
    assert [(t.dtype, t.shape) for t in graph.outputs] == [("uint8", (1, 4))]
    assert graph.float_tensors == ()


def test_float32_stays_float32(colours: Source, console: Console) -> None:
    graph = tflite_schema.describe(quantize.convert(colours, FLOAT32, None, console))
    assert [t.dtype for t in (*graph.inputs, *graph.outputs)] == ["float32", "float32"]


def test_a_free_size_is_fixed_in_the_graph(models: Path, console: Console) -> None:
    free = source.load(models / "free", None, (16, 40))
    graph = tflite_schema.describe(quantize.convert(free, FLOAT32, None, console))
    assert graph.inputs[0].shape == (1, 16, 40, 3)


def test_the_same_source_converts_to_the_same_bytes(
    colours: Source, calibrated: Calibration, console: Console
) -> None:
    once = quantize.convert(colours, INT8, calibrated, console)
    assert once == quantize.convert(colours, INT8, calibrated, console)


def test_an_operator_that_no_device_has_is_named(models: Path, console: Console) -> None:
    model = source.load(models / "tensorflow_only", None)
    with pytest.raises(BuildError, match=r"(?i)svd") as error:
        quantize.convert(model, FLOAT32, None, console)
    assert "tensorflow_only" in str(error.value)
    assert "--recipe float32" not in str(error.value), "it is what was tried"


def test_a_converter_that_raises_gives_a_sentence(
    colours: Source, calibrated: Calibration, console: Console
) -> None:
    wrong = dataclasses.replace(
        calibrated, pictures=(np.zeros((24, 24, 1), np.uint8),)
    )  # one channel where the model takes three
    wrong = dataclasses.replace(
        wrong, spec=preprocessing.from_preset("tf", width=24, height=24, channels=1)
    )
    with pytest.raises(BuildError, match=r"could not convert .*colours to int8"):
        quantize.convert(colours, INT8, wrong, console)


def test_another_dtype_than_the_recipe_says_is_seen(colours: Source, console: Console) -> None:
    promising = dataclasses.replace(FLOAT32, name="hopeful", input_dtype="uint8")
    with pytest.raises(BuildError, match="input float32 where hopeful means uint8"):
        quantize.convert(colours, promising, None, console)


def test_floating_point_tensors_in_an_integer_recipe_are_seen(
    models: Path, calibrated: Calibration, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the converter falls back: a float graph behind the dtypes that were asked for."""
    float_graph = quantize.convert(source.load(models / "colours", None), FLOAT32, None, console)
    integer_promise = dataclasses.replace(FLOAT32, integer_only=True)
    with pytest.raises(BuildError, match="stayed floating-point"):
        quantize._check(float_graph, integer_promise)
