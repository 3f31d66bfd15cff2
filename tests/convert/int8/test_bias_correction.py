from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert import bias_correction, model_inputs
from convert.graph_pair import GraphPair, Layer
from convert.operator_stream import OperatorStream


def inputs_of(pair: GraphPair, made: Any) -> tuple[list[Any], list[Any]]:
    return (
        model_inputs.tensors(pair.float, made.pictures, made.spec),
        model_inputs.tensors(pair.int8, made.pictures, made.spec),
    )


def distances(pair: GraphPair, inputs: list[Any], means: Any) -> dict[str, float]:
    """How far each layer's mean output is from the float model's, in steps of its int8."""
    stream, layers = OperatorStream(pair.int8, inputs), {x.index: x for x in pair.layers}
    found = {}
    for index in range(len(pair.int8.subgraphs[0].operators)):
        outputs = stream.run(index)
        if index in layers:
            layer = layers[index]
            real = layer.result.real(np.stack(outputs[0]))
            mean = real.reshape(-1, real.shape[-1]).mean(axis=0)
            difference = np.abs(mean - means[index].mean(axis=0)) / layer.result.scale
            found[layer.name] = float(difference.max())
        stream.keep(index, outputs)
    return found


def spoil(pair: GraphPair, layer: Layer, steps: float) -> None:
    """Shift what the layer puts out."""
    scale = layer.input.scale * layer.weight_scale
    pair.set_bias(layer, pair.bias(layer)[0] + np.rint(steps * layer.result.scale / scale))


@pytest.mark.parametrize("body", ["plain", "grouped", "branches"])
def test_each_channel_gets_the_mean_that_it_has_in_float(
    graphs: Callable[..., Any], body: str
) -> None:
    made = graphs(body)
    pair = GraphPair(made.float_model, made.int8_model)
    float_inputs, inputs = inputs_of(pair, made)
    means = bias_correction.float_means(pair, float_inputs)
    for layer in pair.layers:
        spoil(pair, layer, 3)
    before = distances(pair, inputs, means)
    bias_correction.correct(pair, inputs, means)
    after = distances(pair, inputs, means)
    assert min(before.values()) > 1
    assert max(after.values()) < 0.6


def test_weights_stay_as_they_are(graphs: Callable[..., Any]) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    float_inputs, inputs = inputs_of(pair, made)
    before = [pair.weights(layer).copy() for layer in pair.layers]
    bias_correction.correct(pair, inputs, bias_correction.float_means(pair, float_inputs))
    for layer, weights in zip(pair.layers, before, strict=True):
        assert np.array_equal(pair.weights(layer), weights)


def test_means_are_the_same_however_few_pictures_fit_in_memory(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    inputs, _ = inputs_of(pair, made)
    together = bias_correction.float_means(pair, inputs)
    monkeypatch.setattr(bias_correction, "MEMORY", 1)
    one_by_one = bias_correction.float_means(pair, inputs)
    assert together.keys() == one_by_one.keys() == {layer.index for layer in pair.layers}
    for index, means in together.items():
        assert len(means) == len(made.pictures)
        assert np.array_equal(means, one_by_one[index])


def test_a_mean_counts_as_far_as_int8_can_say_the_values(graphs: Callable[..., Any]) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    inputs, _ = inputs_of(pair, made)
    brighter = [tensor * 100 for tensor in inputs]
    for layer in pair.layers:
        means = bias_correction.float_means(pair, brighter)[layer.index]
        low, high = layer.result.range
        assert means.min() >= low - 1e-4
        assert means.max() <= high + 1e-4


def test_a_mean_that_is_no_number_moves_nothing(graphs: Callable[..., Any]) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    _, inputs = inputs_of(pair, made)
    before = [pair.bias(layer)[0].copy() for layer in pair.layers]
    nowhere = {
        layer.index: np.full((len(inputs), len(layer.weight_scale)), np.nan)
        for layer in pair.layers
    }
    bias_correction.correct(pair, inputs, nowhere)
    for layer, bias in zip(pair.layers, before, strict=True):
        assert np.array_equal(pair.bias(layer)[0], bias)
