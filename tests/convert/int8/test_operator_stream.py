from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert import model_inputs
from convert.file import tflite_schema
from convert.graph_pair import GraphPair
from convert.interpreter import run_each
from convert.operator_stream import OperatorStream, activation_bytes


def stream_of(model: bytes, graphs: Any) -> tuple[Any, OperatorStream, list[Any]]:
    tree = tflite_schema.unpack(model)
    inputs = model_inputs.tensors(tree, graphs.pictures[:3], graphs.spec)
    return tree, OperatorStream(tree, inputs), inputs


def through(tree: Any, stream: OperatorStream) -> list[Any]:
    for index in range(len(tree.subgraphs[0].operators)):
        stream.keep(index, stream.run(index))
    return stream.values[int(tree.subgraphs[0].outputs[0])]


@pytest.mark.parametrize("body", ["plain", "grouped", "shared", "branches"])
def test_the_last_operator_gives_what_the_whole_graph_gives(
    graphs: Callable[..., Any], body: str
) -> None:
    made = graphs(body)
    for model, tolerance in ((made.int8_model, 0), (made.float_model, 1e-6)):
        tree, stream, inputs = stream_of(model, made)
        expected = [outputs[0] for outputs in run_each(model, [[tensor] for tensor in inputs])]
        np.testing.assert_allclose(through(tree, stream), expected, rtol=0, atol=tolerance)


def test_only_what_a_later_operator_needs_is_kept(graphs: Callable[..., Any]) -> None:
    tree, stream, _ = stream_of(graphs("branches").int8_model, graphs("branches"))
    graph = tree.subgraphs[0]
    for index in range(len(graph.operators)):
        stream.keep(index, stream.run(index))
        needed = {int(tensor) for o in graph.operators[index + 1 :] for tensor in o.inputs}
        assert stream.values.keys() <= needed | {int(tensor) for tensor in graph.outputs}


def test_the_memory_of_a_picture_is_known_beforehand(graphs: Callable[..., Any]) -> None:
    tree, stream, _ = stream_of(graphs("branches").int8_model, graphs("branches"))
    most = 0
    for index in range(len(tree.subgraphs[0].operators)):
        outputs = stream.run(index)
        held = [*stream.values.values(), *outputs]
        most = max(most, sum(pictures[0].nbytes for pictures in held))
        stream.keep(index, outputs)
    assert activation_bytes(tree) == most


def test_an_operator_runs_with_the_bias_that_it_has_now(graphs: Callable[..., Any]) -> None:
    made = graphs()
    pair = GraphPair(made.float_model, made.int8_model)
    inputs = model_inputs.tensors(pair.int8, made.pictures[:2], made.spec)
    stream, layer = OperatorStream(pair.int8, inputs), pair.layers[0]
    for index in range(layer.index):
        stream.keep(index, stream.run(index))
    before = stream.run(layer.index)[0][0]
    step = np.rint(10 * layer.result.scale / (layer.input.scale * layer.weight_scale))
    pair.set_bias(layer, pair.bias(layer)[0] + step)
    after = stream.run(layer.index)[0][0]
    moved = after.astype(int) - before
    assert set(moved[(before > -128) & (before < 110)].ravel()) <= {9, 10, 11}


def test_an_operator_whose_input_is_not_there_is_refused(graphs: Callable[..., Any]) -> None:
    _, stream, _ = stream_of(graphs().int8_model, graphs())
    with pytest.raises(ValueError, match="takes what no operator"):
        stream.run(2)
