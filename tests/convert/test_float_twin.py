"""What has no form in integers is computed by what has one, or named before anything is tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from convert import conversion_checks, float_twin, integer_forms, photos, quantize, recipes
from convert.calibration import Calibration, load
from convert.console import Console
from convert.errors import BuildError
from convert.float_twin import FloatTwin
from convert.integer_forms import Operation
from convert.sources import source
from convert.sources.source import Source
from edge_server.inference import preprocessing

_KERNEL = np.random.default_rng(0).normal(0, 0.3, (3, 3, 3, 64)).astype(np.float32)


def _scores(features: Any) -> Any:
    return {"scores": tf.nn.softmax(tf.reduce_mean(features, [1, 2])[:, :4])}


def _normalized(image: Any) -> Any:
    """A model with Keras 3's normalization, and with GELU, whose own negation has to stay."""
    with tf.name_scope("model/norm"):
        x = tf.nn.conv2d(image, _KERNEL, 4, "SAME")
        mean = tf.reduce_mean(x, -1, keepdims=True)
        scale = tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-3)
        x = x * scale + tf.negative(mean) * scale
    with tf.name_scope("model/dense"):
        x = tf.add_n([tf.nn.elu(x), tf.nn.gelu(x), tf.nn.silu(x)])
    return _scores(x)


def _wave(image: Any) -> Any:
    with tf.name_scope("model/wave"):
        return _scores(tf.sin(tf.nn.conv2d(image, _KERNEL, 4, "SAME")))


def _loop(image: Any) -> Any:
    with tf.name_scope("model/each"):
        same = tf.map_fn(lambda picture: picture * 1.0, image)
    return _scores(tf.nn.conv2d(same, _KERNEL, 4, "SAME"))


@pytest.fixture(scope="module")
def sources(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Source]:
    save, folder = request.getfixturevalue("save_functions"), tmp_path_factory.mktemp("forms")
    functions = {"normalized": _normalized, "wave": _wave, "loop": _loop}
    for name, function in functions.items():
        save(folder / name, serving_default=(function, {"image": [None, 24, 24, 3]}))
    return {name: source.load(folder / name, None) for name in functions}


@pytest.fixture(scope="module")
def twin(sources: dict[str, Source]) -> FloatTwin:
    return float_twin.make(sources["normalized"], Console())


@pytest.fixture(scope="module")
def calibrated(request: pytest.FixtureRequest) -> Calibration:
    pool = photos.read_unlabelled(request.getfixturevalue("photos").calibration)
    return load(pool, preprocessing.from_preset("tf", width=24, height=24), 8, Console())


@pytest.mark.parametrize("name", ["int8", "int16x8"])
def test_normalization_becomes_integers_throughout(
    twin: FloatTwin, calibrated: Calibration, console: Console, name: str
) -> None:
    recipe = recipes.get(name)
    conversion_checks.check_before(twin.model, recipe)
    model = quantize.convert(twin.source, recipe, calibrated, console)
    assert integer_forms.in_floating_point(model) == []


def test_the_twins_answers_are_the_originals(twin: FloatTwin, sources: dict[str, Source]) -> None:
    picture = np.random.default_rng(1).uniform(-1, 1, (1, 24, 24, 3)).astype(np.float32)
    scores = twin.source.single_image_function()(tf.constant(picture))["scores"]
    np.testing.assert_allclose(scores, sources["normalized"].predict(picture), atol=1e-6)


def test_the_graph_has_no_gradient_that_keeps_it_from_being_saved(
    twin: FloatTwin, tmp_path: Path
) -> None:
    """silu has a gradient of its own."""
    module = tf.Module()
    module.call = twin.source.single_image_function()
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.call})


def test_only_what_needs_it_is_computed_otherwise(twin: FloatTwin) -> None:
    operators = {o.operator for o in integer_forms.in_floating_point(twin.model)}
    assert not operators & {"NEG", "SQUARE", "ELU", "ADD_N"}
    assert "GELU" in operators


def test_a_model_that_needs_nothing_stays_as_it_is(request: pytest.FixtureRequest) -> None:
    colours = source.load(request.getfixturevalue("models") / "colours", None)
    assert float_twin.make(colours, Console()).source is colours


def test_what_can_be_computed_by_nothing_else_is_named_with_its_layer(
    sources: dict[str, Source],
) -> None:
    found = float_twin.make(sources["wave"], Console())
    said = (
        r"has no int8 form of SIN \(in wave\)\. Use --recipe auto, .*, or --recipe dynamic, of "
        "which only the weights are int8"
    )
    with pytest.raises(BuildError, match=said):
        conversion_checks.check_before(found.model, recipes.get("int8"))
    conversion_checks.check_before(found.model, recipes.get("dynamic"))


def test_a_loop_is_refused_before_the_calibrator_dies_of_it(sources: dict[str, Source]) -> None:
    found = float_twin.make(sources["loop"], Console())
    with pytest.raises(BuildError, match=r"int8 form of WHILE, a loop, as in map_fn, .* \(in each"):
        conversion_checks.check_before(found.model, recipes.get("int8"))


def test_a_refused_build_has_not_run_the_original(
    request: pytest.FixtureRequest, sources: dict[str, Source], tmp_path: Path
) -> None:
    edge_convert = request.getfixturevalue("edge_convert")
    arguments = request.getfixturevalue("arguments")(
        sources["wave"].path, tmp_path / "out", request.getfixturevalue("photos"), labels=None
    )
    ran = edge_convert(*arguments)
    assert ran.status == 1
    assert "no int8 form of SIN (in wave)" in ran.said
    assert "run the original" not in ran.said
    assert not (tmp_path / "out").exists()


def test_operators_of_one_kind_are_told_once_with_their_layers() -> None:
    norms = [
        Operation("NEG", f"StatefulPartitionedCall/model/norm_{n}/Neg;other/x") for n in range(5)
    ]
    said = integer_forms.named([*norms, Operation("SIN", "Sin")])
    assert said == ("NEG (in norm_0, norm_1, norm_2 and 2 more, 5 times), SIN (in Sin)")
