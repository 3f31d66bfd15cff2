"""Better weights where activations are float32 or int16."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert import metrics, model_inputs, patches, weights_only
from convert.console import Console
from convert.file import tflite_schema
from convert.graph_pair import GraphPair
from convert.interpreter import run_each

RECIPES = ("dynamic", "int16x8")


def scores(model: bytes, made: Any) -> Any:
    tree = tflite_schema.unpack(model)
    inputs = model_inputs.tensors(tree, made.pictures, made.spec)
    return model_inputs.scores(tree, [out[0] for out in run_each(model, [[x] for x in inputs])])


def divergence(model: bytes, made: Any) -> float:
    return metrics.divergence(scores(made.float_model, made), scores(model, made))


def coarse(made: Any) -> Any:
    """A float graph and its int8 form whose weights are all multiples of 8 steps."""
    pair = GraphPair(made.float_model, made.int8_model, weights_only=True)
    for layer in pair.layers:
        pair.set_weights(layer, np.clip(np.rint(pair.weights(layer) / 8) * 8, -127, 127))
    return pair.pack()


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("body", ["wide", "grouped"])
def test_only_weights_and_biases_change_and_the_layers_come_nearer(
    graphs: Callable[..., Any], body: str, recipe: str
) -> None:
    made = graphs(body, "float32", recipe)
    better = weights_only.improve(made.float_model, made.int8_model, made.calibration, Console())
    [step] = better.steps
    if (body, recipe) == ("grouped", "dynamic"):  # all its weights stayed in float
        assert (step.kept, better.model) == (False, made.int8_model)
        assert "no convolution or dense layer in it has int8 weights" in step.why
        return
    assert step.kept
    assert "fitted to 24 photos" in step.why
    assert tflite_schema.describe(better.model) == tflite_schema.describe(made.int8_model)
    assert better.model != made.int8_model
    assert divergence(better.model, made) < 1.1 * divergence(made.int8_model, made)


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_is_wrong_with_the_weights_is_repaired(
    graphs: Callable[..., Any], recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs("wide", "float32", recipe)
    bad = coarse(made)
    # The layers are matched by weights that are the float ones rounded, which these are not.
    monkeypatch.setattr(
        weights_only,
        "GraphPair",
        lambda *models, **_: GraphPair(*models, stock=False, weights_only=True),
    )
    better = weights_only.improve(made.float_model, bad, made.calibration, Console())
    assert divergence(better.model, made) < 0.2 * divergence(bad, made)


def test_activations_that_are_no_numbers_leave_the_file_as_it_is(
    graphs: Callable[..., Any],
) -> None:
    made = graphs("wide", "float32", "dynamic")
    nowhere = replace(made.spec, mean=(np.nan,) * 3)
    calibration = replace(made.calibration, spec=nowhere)
    better = weights_only.improve(made.float_model, made.int8_model, calibration, Console())
    assert better.model == made.int8_model
    assert not better.steps[0].kept


@pytest.mark.parametrize("body", ["grouped", "plain"])
def test_the_mean_output_of_weights_is_that_of_the_layer(
    graphs: Callable[..., Any], body: str
) -> None:
    made = graphs(body)
    pair = GraphPair(made.float_model, made.int8_model, weights_only=True)
    rng = np.random.default_rng(0)
    for layer in pair.layers:
        weights = patches.matrix(layer, layer.float_weights).astype(np.float64)
        channels = layer.float_weights.shape[-1]
        taps = int(np.prod(layer.float_weights.shape[1:3])) if layer.float_weights.ndim == 4 else 1
        # A patch has the layer's whole input: every group's, and one channel per depthwise output.
        given = patches.columns(layer) * _groups(layer, channels, taps) // taps
        shape = (7, taps, given) if layer.float_weights.ndim == 4 else (7, channels)
        sample = rng.normal(0, 1, shape).astype(np.float32)
        found = patches.weighted_mean(layer, [sample], weights)
        expected = _mean_output(layer, sample, weights)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def _groups(layer: Any, channels: int, taps: int) -> int:
    if layer.kind.value == "DEPTHWISE_CONV_2D":
        return channels // (layer.options.depthMultiplier or 1)
    return 4 if layer.float_weights.shape[-1] == 2 else 1


def _mean_output(layer: Any, sample: Any, weights: Any) -> Any:
    """Output by output, as a kernel goes about it."""
    if sample.ndim == 2:
        return (sample @ weights.T).mean(axis=0)
    _, taps, channels = sample.shape
    groups = taps * channels // weights.shape[1]
    per_group, outputs = channels // groups, len(weights) // groups
    found = []
    for output, row in enumerate(weights):
        own = output // outputs
        part = sample[:, :, own * per_group : (own + 1) * per_group]
        found.append((part.reshape(len(sample), -1) @ row).mean())
    return np.array(found)
