"""Chains of convolutions: which are found, and what a change of their channels changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert import chains
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import GraphPair, Kind


def pair_of(made: Any) -> GraphPair:
    return GraphPair(made.float_model, made.int8_model)


def edited(made: Any, change: Callable[[Any], None], *which: str) -> GraphPair:
    """The pair after `change` was made to the named graphs."""
    for name in which:
        tree = tflite_schema.unpack(getattr(made, name))
        change(tree)
        made = replace(made, **{name: tflite_schema.pack(tree)})
    return pair_of(made)


def test_a_chain_goes_from_a_convolution_over_depthwise_ones_to_the_next(
    graphs: Callable[..., Any],
) -> None:
    (chain,) = chains.find(pair_of(graphs("unused")))
    kinds = [layer.kind for layer in chain.layers]
    assert kinds == [Kind.CONVOLUTION, Kind.DEPTHWISE, Kind.CONVOLUTION]
    assert chain.makers == (chain.producer, *chain.between)


@pytest.mark.parametrize("body", ["grouped", "shared", "branches"])
def test_groups_shared_weights_and_branches_make_no_chain(
    graphs: Callable[..., Any], body: str
) -> None:
    assert chains.find(pair_of(graphs(body))) == ()


def test_a_bias_that_two_layers_share_makes_no_chain(graphs: Callable[..., Any]) -> None:
    def share(tree: Any) -> None:
        first, second = tree.subgraphs[0].operators[:2]
        second.inputs[2] = first.inputs[2]

    assert chains.find(edited(graphs("unused"), share, "float_model")) == ()


def test_what_the_graph_puts_out_itself_makes_no_chain(graphs: Callable[..., Any]) -> None:
    made = graphs("unused")
    (chain,) = chains.find(pair_of(made))

    def put_out(tree: Any) -> None:
        graph = tree.subgraphs[0]
        graph.outputs = [*graph.outputs, chain.producer.output]

    assert chains.find(edited(made, put_out, "int8_model")) == ()


def test_an_unknown_activation_makes_no_chain(graphs: Callable[..., Any]) -> None:
    def tanh(tree: Any) -> None:
        for operator in tree.subgraphs[0].operators:
            if isinstance(operator.builtinOptions, schema.DepthwiseConv2DOptionsT):
                kind = schema.ActivationFunctionType.TANH
                operator.builtinOptions.fusedActivationFunction = kind

    assert chains.find(edited(graphs("unused"), tanh, "float_model", "int8_model")) == ()


def test_rewriting_with_what_is_there_changes_no_value(graphs: Callable[..., Any]) -> None:
    pair = pair_of(graphs("unused"))
    (chain,) = chains.find(pair)
    same = chains.rewritten(pair, {x.index: chains.values(pair, x) for x in chain.layers})
    assert tflite_schema.pack(same.float) == tflite_schema.pack(pair.float)
    for old, new in zip(pair.layers, same.layers, strict=True):
        assert np.abs(pair.weights(old) - same.weights(new)).max() == 0
        assert np.abs(pair.bias(old)[0] - same.bias(new)[0]).max() <= 1
        assert np.allclose(pair.bias(old)[1], same.bias(new)[1], rtol=1e-6)


def test_new_steps_of_weights_are_those_of_the_bias_too(graphs: Callable[..., Any]) -> None:
    pair = pair_of(graphs("unused"))
    before = tflite_schema.pack(pair.float), pair.pack()
    layer = chains.find(pair)[0].producer
    values = chains.values(pair, layer)
    values.weights, values.bias, values.scale = (
        2 * array for array in (values.weights, values.bias, values.scale)
    )
    new = chains.rewritten(pair, {layer.index: values})
    tensors = new.int8.subgraphs[0].tensors
    found = tensors[layer.weights].quantization.scale, tensors[layer.bias].quantization.scale
    assert np.allclose(found[0], 2 * layer.weight_scale)
    assert np.allclose(found[1], layer.input.scale * found[0])
    doubled = next(x for x in new.layers if x.index == layer.index)
    assert np.array_equal(new.weights(doubled), pair.weights(layer))  # the values stay
    assert np.allclose(doubled.float_weights, 2 * layer.float_weights)
    assert (tflite_schema.pack(pair.float), pair.pack()) == before  # and the pair itself
