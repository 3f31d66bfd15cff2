from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert import (
    activation_noise,
    better_int8,
    bias_correction,
    channel_splitting,
    layer_errors,
    metrics,
    mixed_precision,
    model_inputs,
)
from convert import weight_rounding as rounding
from convert.better_int8 import Improved
from convert.console import Console
from convert.file import tflite_schema
from convert.graph_pair import GraphPair
from convert.interpreter import run_each
from edge_server.inference.manifest import Output


def improve(made: Any) -> Improved:
    return better_int8.improve(
        made.float_model, made.int8_model, made.calibration, Output.PROBABILITIES, Console()
    )


def divergence(model: bytes, made: Any) -> float:
    found = []
    for data in (made.float_model, model):
        tree = tflite_schema.unpack(data)
        inputs = model_inputs.tensors(tree, made.pictures, made.spec)
        raw = [outputs[0] for outputs in run_each(data, [[tensor] for tensor in inputs])]
        found.append(model_inputs.scores(tree, raw))
    return metrics.divergence(*found)


def spoilt(made: Any) -> Any:
    """The same graphs, but each int8 bias is far off."""
    pair = GraphPair(made.float_model, made.int8_model)
    for number, layer in enumerate(pair.layers):
        scale = layer.input.scale * layer.weight_scale
        shift = np.where(np.arange(len(scale)) % 2, 20, -20) * (1 if number % 2 else -1)
        pair.set_bias(layer, pair.bias(layer)[0] + np.rint(shift * layer.result.scale / scale))
    return replace(made, int8_model=pair.pack())


def test_a_spoilt_model_is_repaired(graphs: Callable[..., Any]) -> None:
    made = graphs("plain")
    bad = spoilt(made)
    better = improve(bad)
    assert better.steps[1].kept
    assert divergence(better.model, made) < 0.3 * divergence(bad.int8_model, made)


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("body", ["plain", "grouped", "shared", "branches"])
def test_operators_tensors_and_scales_stay_and_nothing_gets_worse(
    graphs: Callable[..., Any], body: str, io: str
) -> None:
    made = graphs(body, io)
    better = improve(made)
    assert [bool(step.splits) for step in better.steps] == [True, True, False]
    assert better.float_model is made.float_model
    assert tflite_schema.describe(better.model) == tflite_schema.describe(made.int8_model)
    before, after = (
        tflite_schema.unpack(model).subgraphs[0].tensors
        for model in (made.int8_model, better.model)
    )
    for old, new in zip(before, after, strict=True):
        assert (old.name, old.type, old.shape.tolist()) == (new.name, new.type, new.shape.tolist())
        if old.quantization is not None and old.quantization.scale is not None:
            assert np.array_equal(old.quantization.scale, new.quantization.scale)
    assert divergence(better.model, made) <= 1.02 * divergence(made.int8_model, made)


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
def test_unused_channels_become_copies_in_both_graphs(graphs: Callable[..., Any], io: str) -> None:
    made = graphs("unused", io)
    better = improve(made)
    step = better.steps[2]
    assert step.kept
    assert step.why.startswith("2 unused channels as copies of others take ")
    assert "photos held back from it the scores moved nearer" in step.why
    assert [split.held_back for split in step.splits] == [8, 8, 8]
    without = better_int8.improve(
        made.float_model,
        made.int8_model,
        made.calibration,
        Output.PROBABILITIES,
        Console(),
        steps=better_int8.STEPS[:2],
    )
    assert divergence(better.model, made) < divergence(without.model, made)
    assert tflite_schema.describe(better.model) == tflite_schema.describe(made.int8_model)
    assert better.float_model != made.float_model
    assert divergence(better.float_model, made) < 1e-5


def test_copies_are_refused_where_held_back_photos_do_not_agree(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs("unused")
    # Without the share of each copy, what is copied counts three times.
    honest = channel_splitting.split

    def wrong(makers: Any, consumer: Any, steps: Any, copies: Any) -> None:
        honest(makers, consumer, steps, copies)
        for source, others in copies.items():
            consumer.weights[..., [source, *others]] *= 1 + len(others)

    monkeypatch.setattr(channel_splitting, "split", wrong)
    better = improve(made)
    assert not better.steps[2].kept
    assert "no nearer" in better.steps[2].why
    assert better.float_model is made.float_model


def test_a_graph_whose_end_can_not_be_run_alone_keeps_the_other_steps(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("an operator has tensors of its own")

    monkeypatch.setattr(activation_noise, "measure", fail)
    better = improve(graphs("unused"))
    assert better.steps[0].kept
    assert not better.steps[2].kept
    assert "can't be taken apart (an operator has tensors of its own)" in better.steps[2].why
    assert better.model != graphs("unused").int8_model


@pytest.mark.parametrize("body", ["plain", "unused"])
def test_the_same_model_gets_the_same_bytes(graphs: Callable[..., Any], body: str) -> None:
    assert improve(graphs(body)) == improve(graphs(body))


def test_a_mixture_with_layers_in_float_goes_by_the_twin(graphs: Callable[..., Any]) -> None:
    made = graphs("unused")
    better = improve(made)
    assert better.steps[2].kept

    def error(float_model: bytes) -> float:
        """With the operator after the copies in float, which takes them apart."""
        original, quantized = map(tflite_schema.unpack, (float_model, better.model))
        first, second, third = (
            layer.index for layer in GraphPair(float_model, better.model, stock=False).layers[:3]
        )
        return max(
            divergence(mixed_precision.keep_in_float(original, quantized, kept, made.spec), made)
            for kept in ([first], [second], [third])
        )

    assert error(better.float_model) < 2 * divergence(better.model, made)
    assert error(made.float_model) > 10 * error(better.float_model)


def test_layers_are_compared_with_the_twin(graphs: Callable[..., Any]) -> None:
    made = graphs("unused")
    better = improve(made)
    right, wrong = (
        layer_errors.measure(model, better.model, made.pictures, made.spec)
        for model in (better.float_model, made.float_model)
    )
    assert max(layer.error for layer in right) < 0.1
    first, other = right[0], wrong[0]
    assert first.operator == other.operator == "CONV_2D"
    assert other.error > 10 * first.error


def test_a_rounding_that_hurts_is_refused_layer_by_layer(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs()
    monkeypatch.setattr(
        rounding, "round_weights", lambda weights, *_: np.zeros(weights.shape, np.int8)
    )
    monkeypatch.setattr(bias_correction, "correct", lambda *_: None)
    better = improve(made)
    assert not any(step.kept for step in better.steps)
    assert better.model is made.int8_model


def test_a_rounding_whose_scores_get_worse_is_refused(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs()
    monkeypatch.setattr(rounding, "round_weights", lambda w, *_: np.zeros(w.shape, np.int8))
    errors = iter(range(10**6, 0, -1))  # each layer seems better than the one before
    monkeypatch.setattr(rounding, "output_error", lambda *_: float(next(errors)))
    step = improve(made).steps[0]
    assert not step.kept
    assert "no nearer" in step.why


def test_biases_from_other_data_are_refused(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = graphs()
    honest = bias_correction.float_means

    def of_negatives(pair: GraphPair, inputs: Any, console: Any = None) -> Any:
        return honest(pair, [-tensor for tensor in inputs], console)

    monkeypatch.setattr(bias_correction, "float_means", of_negatives)
    step = improve(made).steps[1]
    assert not step.kept
    assert "no nearer" in step.why


def test_a_step_is_refused_that_only_the_model_for_all_photos_does_not_bear(
    graphs: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = spoilt(graphs())
    honest = bias_correction.correct

    def correct(pair: GraphPair, inputs: Any, means: Any) -> None:
        everything = len(inputs) == len(made.pictures)
        honest(pair, inputs, {i: m + 5 * everything for i, m in means.items()})

    monkeypatch.setattr(bias_correction, "correct", correct)
    step = improve(made).steps[1]
    assert not step.kept
    assert "fitted to all photos" in step.why


def test_only_the_steps_that_are_asked_for_are_tried(graphs: Callable[..., Any]) -> None:
    made = graphs()
    better = better_int8.improve(
        made.float_model,
        made.int8_model,
        made.calibration,
        Output.PROBABILITIES,
        Console(),
        steps=better_int8.STEPS[1:2],
    )
    assert [step.name for step in better.steps] == ["bias correction"]


def test_each_split_is_judged_on_photos_held_back_from_it(graphs: Callable[..., Any]) -> None:
    made = graphs()
    for step in improve(made).steps[:2]:
        assert [split.held_back for split in step.splits] == [8, 8, 8]
        assert [split.fitted for split in step.splits] == [16, 16, 16]


def test_too_few_photos_change_nothing(graphs: Callable[..., Any]) -> None:
    made = replace(graphs(), pictures=graphs().pictures[:5])
    better = improve(made)
    assert better.model is made.int8_model
    assert {step.why for step in better.steps} == {
        "it takes 12 calibration photos, and there are 5"
    }


def test_a_graph_without_int8_layers_stays_as_it_is(graphs: Callable[..., Any]) -> None:
    made = replace(graphs(), int8_model=graphs().float_model)
    better = improve(made)
    assert better.model is made.int8_model
    assert "no convolution or dense layer" in better.steps[0].why


def test_a_graph_that_can_not_be_taken_apart_stays_as_it_is(graphs: Callable[..., Any]) -> None:
    tree = tflite_schema.unpack(graphs().float_model)
    tree.subgraphs.append(tree.subgraphs[0])
    made = replace(graphs(), float_model=tflite_schema.pack(tree))
    better = improve(made)
    assert better.model is made.int8_model
    assert "control flow" in better.steps[0].why
