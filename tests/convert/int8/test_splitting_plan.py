"""When unused channels become copies, and when they are left alone and why."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert import activation_noise, chains, metrics, model_inputs, splitting_plan
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import GraphPair, twins
from convert.interpreter import run_each


def score(raw: Any) -> metrics.Scores:
    return np.concatenate(raw)


def planned(made: Any) -> tuple[GraphPair, splitting_plan.Plan]:
    pair = GraphPair(made.float_model, made.int8_model)
    inputs = model_inputs.tensors(pair.float, made.pictures, made.spec)
    return pair, splitting_plan.make(pair, inputs, score)


def answers(model: Any, made: Any) -> Any:
    inputs = model_inputs.tensors(model, made.pictures, made.spec)
    return score([out[0] for out in run_each(tflite_schema.pack(model), [[x] for x in inputs])])


def test_unused_channels_become_copies_and_the_float_graph_answers_the_same(
    graphs: Callable[..., Any],
) -> None:
    made = graphs("unused")
    pair, plan = planned(made)
    assert plan.pair is not None
    assert plan.why.startswith("2 unused channels as copies of others take ")
    assert tflite_schema.pack(plan.pair.float) != tflite_schema.pack(pair.float)
    before, after = (answers(model, made) for model in (pair.float, plan.pair.float))
    assert metrics.divergence(before, after) < 1e-5
    # Still twins: every int8 layer is the new float one rounded.
    assert len(plan.pair.layers) == len(pair.layers)
    assert twins(plan.pair.float, plan.pair.int8) == twins(pair.float, pair.int8)


def test_the_copies_have_the_same_weights_and_take_the_noise_away(
    graphs: Callable[..., Any],
) -> None:
    made = graphs("unused")
    pair, plan = planned(made)
    assert plan.pair is not None
    first = chains.find(plan.pair)[0].producer
    rows = plan.pair.weights(first)
    assert all((rows[copy] == rows[0]).all() for copy in (2, 5))
    biases = plan.pair.bias(first)[0]
    assert len(set(biases[[0, 2, 5]].tolist())) == 3
    noise = [
        activation_noise.measure(
            one, model_inputs.tensors(one.float, made.pictures, made.spec), score, ()
        ).total
        for one in (pair, plan.pair)
    ]
    assert noise[1] < 0.8 * noise[0]


def test_a_channel_that_only_few_photos_leave_unused_is_left_alone(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = activation_noise.extremes

    def used(pair: GraphPair, inputs: Any, layers: Any) -> Any:
        return {
            index: (low, high + np.eye(len(high))[2] + np.eye(len(high))[5])
            for index, (low, high) in honest(pair, inputs, layers).items()
        }

    monkeypatch.setattr(activation_noise, "extremes", used)
    _, plan = planned(graphs("unused"))
    assert plan.pair is None
    assert plan.why == "no unused channel can help"


def test_a_gain_too_small_is_said_and_left_alone(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitting_plan, "_GAIN", 1.01)
    _, plan = planned(graphs("unused"))
    assert plan.pair is None
    assert plan.why.endswith("off the harm of rounding activations, which is too little")


def test_graphs_without_chains_are_left_alone(graphs: Callable[..., Any]) -> None:
    _, plan = planned(graphs("branches"))
    assert plan.pair is None
    assert plan.why == "no convolution hands its channels straight on to another"


def test_at_a_padded_border_only_a_channel_that_is_zero_is_unused(
    graphs: Callable[..., Any],
) -> None:
    made = graphs("unused")
    pair = GraphPair(made.float_model, made.int8_model)
    (chain,) = chains.find(pair)
    step = chain.makers[-1].result.scale
    low = np.array([0, 0, 1.0, 0, 0, 0, 0, 0])
    high = np.array([6, 0, 1.0, step / 4, step, 6, 6, 6])
    extremes = {chain.makers[-1].index: (low, high)}
    assert splitting_plan._unused(chain, extremes) == {1: 0, 2: 1, 3: step / 8}
    options = copy.copy(chain.between[0].options)
    options.padding = schema.Padding.SAME
    padded = chains.Chain(chain.producer, (), replace(chain.between[0], options=options))
    assert splitting_plan._unused(padded, {chain.producer.index: (low, high)}).keys() == {1, 3}
