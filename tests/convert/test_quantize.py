"""What comes out of a conversion is what the recipe says, or a sentence."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import calibration, photos, quantize, recipes
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import BuildError, RecipeFailed
from convert.file import tflite_schema
from convert.file.tflite_schema import Graph, schema
from convert.recipes import RECIPES
from convert.sources import source
from convert.sources.source import Source
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


@pytest.fixture(scope="module")
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A convolution and a dense layer of 2048 weights: large enough for `dynamic`."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.3, (3, 3, 3, 64)).astype(np.float32)
    weights = rng.normal(0, 0.5, (64, 32)).astype(np.float32)

    def classify(image: Any) -> Any:
        features = tf.reduce_mean(tf.nn.relu6(tf.nn.conv2d(image, kernel, 2, "SAME")), [1, 2])
        return {"scores": tf.nn.softmax(tf.linalg.matmul(features, weights))}

    save = request.getfixturevalue("save_functions")
    folder = tmp_path_factory.mktemp("wide") / "model"
    save(folder, serving_default=(classify, {"image": [None, 24, 24, 3]}))
    return source.load(folder, None)


@pytest.fixture(scope="module")
def make(wide: Source, calibrated: Calibration) -> Callable[..., Graph]:
    def convert(name: str, io: str | None = None, **options: Any) -> Graph:
        model = quantize.convert(wide, recipes.get(name, io), calibrated, Console(), **options)
        return tflite_schema.describe(model)

    return convert


def dtypes(graph: Graph) -> tuple[list[str], list[str]]:
    return [t.dtype for t in graph.inputs], [t.dtype for t in graph.outputs]


def versions(graph: Graph) -> dict[str, int]:
    return {operator.name: operator.version for operator in graph.operators}


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


@pytest.mark.parametrize("io", ["int8", "float32"])
def test_int8_has_the_input_and_output_that_were_asked_for(
    make: Callable[..., Graph], io: str
) -> None:
    graph = make("int8", io)
    assert dtypes(graph) == ([io], [io])
    assert len(graph.float_tensors) == (2 if io == "float32" else 0), "only input and output"


def test_int16x8_computes_in_16_bits_between_float_ends(make: Callable[..., Graph]) -> None:
    graph = make("int16x8")
    assert dtypes(graph) == (["float32"], ["float32"])
    assert len(graph.float_tensors) == 2
    assert {"QUANTIZE", "DEQUANTIZE"} <= set(versions(graph))


def test_float16_stores_every_weight_in_16_bits(
    wide: Source, calibrated: Calibration, console: Console
) -> None:
    half = quantize.convert(wide, recipes.get("float16"), calibrated, console)
    full = quantize.convert(wide, FLOAT32, None, console)
    root = schema.Model.GetRootAs(half, 0)
    tensors = [root.Subgraphs(0).Tensors(i) for i in range(root.Subgraphs(0).TensorsLength())]
    stored = [t for t in tensors if root.Buffers(t.Buffer()).DataLength() > 16]
    assert {t.Type() for t in stored} == {schema.TensorType.FLOAT16}
    assert len(half) < 0.65 * len(full)


def test_dynamic_has_weights_in_8_bits_and_the_rest_in_float(make: Callable[..., Graph]) -> None:
    graph = make("dynamic")
    assert dtypes(graph) == (["float32"], ["float32"])
    assert "QUANTIZE" not in versions(graph)
    assert versions(graph)["FULLY_CONNECTED"] == 12, "its weights have one scale for each output"


def test_dense_layers_can_be_kept_at_a_version_that_older_runtimes_have(
    make: Callable[..., Graph],
) -> None:
    assert versions(make("dynamic", per_tensor_dense=True))["FULLY_CONNECTED"] == 9


def test_dynamic_says_when_there_is_nothing_to_quantize(colours: Source, console: Console) -> None:
    with pytest.raises(BuildError, match=r"became int8.*no layer of 1024 weights") as error:
        quantize.convert(colours, recipes.get("dynamic"), None, console)
    assert "--recipe float32" in str(error.value)


def test_a_free_size_is_fixed_in_the_graph(models: Path, console: Console) -> None:
    free = source.load(models / "free", None, (16, 40))
    graph = tflite_schema.describe(quantize.convert(free, FLOAT32, None, console))
    assert graph.inputs[0].shape == (1, 16, 40, 3)


@pytest.mark.parametrize("name", ["int8", "float16", "int16x8"])
def test_the_same_source_converts_to_the_same_bytes(
    wide: Source, calibrated: Calibration, console: Console, name: str
) -> None:
    once = quantize.convert(wide, recipes.get(name), calibrated, console)
    assert once == quantize.convert(wide, recipes.get(name), calibrated, console)


def test_an_operator_that_no_device_has_is_named(models: Path, console: Console) -> None:
    model = source.load(models / "tensorflow_only", None)
    with pytest.raises(BuildError, match=r"operators Svd have no form in a \.tflite") as error:
        quantize.convert(model, FLOAT32, None, console)
    assert "tensorflow_only" in str(error.value)
    assert "--recipe float32" not in str(error.value), "it is what was tried"


@pytest.fixture(scope="module")
def with_erf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A model with two operators that only a runtime with TensorFlow in it has."""
    import tensorflow as tf

    def classify(image: Any) -> Any:
        means = tf.reduce_mean(image, [1, 2])
        colours = tf.reduce_mean(tf.image.rgb_to_hsv(image), [1, 2])
        return {"scores": tf.nn.softmax(tf.math.erf(means) + colours)}

    save = request.getfixturevalue("save_functions")
    folder = tmp_path_factory.mktemp("erf") / "model"
    save(folder, serving_default=(classify, {"image": [None, 24, 24, 3]}))
    return source.load(folder, None)


def test_operators_of_tensorflow_are_refused_by_name(with_erf: Source, console: Console) -> None:
    with pytest.raises(BuildError, match=r"TensorFlow's own operators \(Erf, RGBToHSV\)") as error:
        quantize.convert(with_erf, FLOAT32, None, console)
    assert "--allow-select-tf Erf,RGBToHSV" in str(error.value)


def test_one_that_is_not_allowed_is_refused_among_those_that_are(
    with_erf: Source, console: Console
) -> None:
    with pytest.raises(BuildError, match=r"own operators \(RGBToHSV\)"):
        quantize.convert(with_erf, FLOAT32, None, console, allow_select_tf=frozenset({"Erf"}))


@pytest.mark.parametrize("names", [{"Erf", "RGBToHSV"}, {"FlexErf", "FlexRGBToHSV"}])
def test_operators_of_tensorflow_stay_where_each_is_allowed_by_name(
    with_erf: Source, console: Console, names: set[str]
) -> None:
    model = quantize.convert(with_erf, FLOAT32, None, console, allow_select_tf=frozenset(names))
    assert tflite_schema.describe(model).select_tf_operators == ("FlexErf", "FlexRGBToHSV")


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


def test_a_loop_that_the_converter_crashes_on_is_named_and_other_recipes_go_on(
    models: Path, calibrated: Calibration, tmp_path: Path, console: Console
) -> None:
    with_loop = source.load(models / "mapped", None)
    with pytest.raises(RecipeFailed, match=r"converter crashed \(SIGSEGV\), while it") as error:
        quantize.convert(with_loop, INT8, calibrated, console, folder=tmp_path)
    assert re.search(r"has a loop \(.*while.*\), as map_fn", str(error.value))
    graph = tflite_schema.describe(
        quantize.convert(with_loop, FLOAT32, None, console, folder=tmp_path)
    )
    assert "WHILE" in versions(graph)
    assert not list(tmp_path.iterdir())


def test_infinity_inside_that_the_converter_crashes_on_is_named_with_its_photo(
    models: Path, calibrated: Calibration, console: Console
) -> None:
    bright, dark = (np.full((24, 24, 3), value, np.uint8) for value in (90, 9))
    raw = dataclasses.replace(
        calibrated,
        pictures=(bright, dark),
        spec=preprocessing.from_preset("raw", width=24, height=24),
    )
    with pytest.raises(RecipeFailed, match=r"crashed \(SIGSEGV\)") as error:
        quantize.convert(source.load(models / "logarithm", None), INT8, raw, console)
    assert f"Log is infinite or no number (NaN) for {calibrated.photos[1].path}" in str(error.value)
