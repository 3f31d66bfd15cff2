from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import GraphPair, Kind, operator_code, tensor_name, twins


def pair_of(made: Any, **options: bool) -> GraphPair:
    return GraphPair(made.float_model, made.int8_model, **options)


def trees(made: Any) -> tuple[Any, Any]:
    return tflite_schema.unpack(made.float_model), tflite_schema.unpack(made.int8_model)


def kinds(pair: GraphPair) -> list[Kind]:
    return [layer.kind for layer in pair.layers]


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
def test_layers_are_found_with_the_weights_that_were_rounded(
    graphs: Callable[..., Any], io: str
) -> None:
    pair = pair_of(graphs("plain", io))
    assert kinds(pair) == [Kind.CONVOLUTION, Kind.DEPTHWISE, Kind.CONVOLUTION, Kind.DENSE]
    for layer in pair.layers:
        axis = -1 if layer.kind is Kind.DEPTHWISE else 0
        steps = np.moveaxis(layer.float_weights, axis, -1) / layer.weight_scale
        difference = np.moveaxis(pair.weights(layer), axis, -1) - steps
        assert np.abs(difference).max() < 0.51


def test_weights_that_two_layers_share_are_left_alone(graphs: Callable[..., Any]) -> None:
    assert kinds(pair_of(graphs("shared"))) == [Kind.CONVOLUTION, Kind.DENSE]


def test_a_transposed_convolution_is_left_alone(graphs: Callable[..., Any]) -> None:
    pair = pair_of(graphs("branches"))
    assert kinds(pair) == [Kind.CONVOLUTION] * 3 + [Kind.DENSE]


def test_a_layer_with_other_weights_is_no_twin_unless_they_were_bettered(
    graphs: Callable[..., Any],
) -> None:
    made = graphs()
    pair = pair_of(made)
    layer = pair.layers[2]
    pair.set_weights(layer, -pair.weights(layer))
    other = replace(made, int8_model=pair.pack())
    assert layer.index not in [found.index for found in pair_of(other).layers]
    assert len(pair_of(other, stock=False).layers) == len(pair.layers)


@pytest.mark.parametrize("body", ["plain", "grouped", "shared", "branches"])
def test_twins_are_of_one_kind_and_conversions_have_none(
    graphs: Callable[..., Any], body: str
) -> None:
    original, quantized = trees(graphs(body))
    pairs = twins(original, quantized)
    assert sorted(pairs.values()) == list(range(len(original.subgraphs[0].operators)))
    operators = quantized.subgraphs[0].operators
    assert len(operators) - len(pairs) == 2  # of input and output
    for index, number in pairs.items():
        twin = original.subgraphs[0].operators[number]
        assert operator_code(quantized, operators[index]) == operator_code(original, twin)


def test_graphs_with_other_operators_are_matched_by_name(graphs: Callable[..., Any]) -> None:
    original, quantized = trees(graphs("branches"))
    expected = twins(original, quantized)
    last = len(original.subgraphs[0].operators) - 1
    del original.subgraphs[0].operators[last]
    found = twins(original, quantized)
    assert found
    assert found.items() <= expected.items()
    assert last not in found.values()


def test_a_name_that_several_operators_have_matches_none(graphs: Callable[..., Any]) -> None:
    original, quantized = trees(graphs("branches"))
    del original.subgraphs[0].operators[-1]
    convolutions = [
        index
        for index, operator in enumerate(quantized.subgraphs[0].operators)
        if operator_code(quantized, operator) == schema.BuiltinOperator.CONV_2D
    ]
    first, second = (
        quantized.subgraphs[0].tensors[int(quantized.subgraphs[0].operators[index].outputs[0])]
        for index in convolutions[:2]
    )
    second.name = first.name
    assert not set(convolutions[:2]) & twins(original, quantized).keys()


def test_operators_whose_outputs_differ_in_shape_are_no_twins(graphs: Callable[..., Any]) -> None:
    original, quantized = trees(graphs())
    index, number = max(twins(original, quantized).items())
    tensor = int(original.subgraphs[0].operators[number].outputs[0])
    original.subgraphs[0].tensors[tensor].shape = np.array([1, 4], np.int32)
    assert index not in twins(original, quantized)


def test_a_fork_changes_alone(graphs: Callable[..., Any]) -> None:
    pair = pair_of(graphs())
    before = pair.pack()
    fork = pair.fork()
    for layer in fork.layers:
        fork.set_weights(layer, np.zeros_like(fork.weights(layer)))
        fork.set_bias(layer, fork.bias(layer)[0] + 1)
    assert pair.pack() == before
    assert fork.pack() != before


def test_values_that_two_tensors_share_change_in_one_only(graphs: Callable[..., Any]) -> None:
    pair = pair_of(graphs())
    first, second = (layer for layer in pair.layers if layer.kind is Kind.CONVOLUTION)
    tensors = pair.int8.subgraphs[0].tensors
    tensors[second.bias].buffer = tensors[first.bias].buffer
    before = pair.bias(first)[0].copy()
    pair.set_bias(second, np.arange(len(second.weight_scale)))
    assert np.array_equal(pair.bias(first)[0], before)
    assert np.array_equal(pair.bias(second)[0], np.arange(len(second.weight_scale)))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_bias_never_makes_the_sum_overflow(graphs: Callable[..., Any], sign: int) -> None:
    pair = pair_of(graphs())
    for layer in pair.layers:
        pair.set_bias(layer, np.full(len(layer.weight_scale), sign * 1e12))
        axes = (
            (0, 1, 2) if layer.kind is Kind.DEPTHWISE else tuple(range(1, pair.weights(layer).ndim))
        )
        sums = 255 * np.abs(pair.weights(layer).astype(np.int64)).sum(axis=axes)
        largest = np.abs(pair.bias(layer)[0].astype(np.int64)) + sums
        assert (largest == np.iinfo(np.int32).max).all()


def test_nothing_but_the_values_changes_in_the_file(graphs: Callable[..., Any]) -> None:
    made = graphs("branches")
    pair = pair_of(made)
    for layer in pair.layers:
        pair.set_weights(layer, pair.weights(layer) // 2)
    before, after = (tflite_schema.describe(model) for model in (made.int8_model, pair.pack()))
    assert before == after
    old, new = (tflite_schema.unpack(model) for model in (made.int8_model, pair.pack()))
    names = [
        [(tensor_name(tree, i), tuple(t.shape)) for i, t in enumerate(tree.subgraphs[0].tensors)]
        for tree in (old, new)
    ]
    assert names[0] == names[1]


def test_graphs_with_several_inputs_are_refused(graphs: Callable[..., Any]) -> None:
    original, _ = trees(graphs())
    original.subgraphs[0].inputs = [0, 0]
    with pytest.raises(ValueError, match="several inputs"):
        GraphPair(tflite_schema.pack(original), graphs().int8_model)
