"""What `auto` keeps in float at the ends of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convert import search
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import operator_code


def test_the_head_and_the_first_two_layers_are_named_by_their_operators(
    graphs: Callable[..., Any],
) -> None:
    made = graphs("plain")
    tree = tflite_schema.unpack(made.int8_model)
    operators = tree.subgraphs[0].operators
    kinds = schema.BuiltinOperator

    def codes(chosen: list[int]) -> list[int]:
        return [operator_code(tree, operators[index]) for index in chosen]

    found = search.ends(made.float_model, made.int8_model)
    head = [kinds.FULLY_CONNECTED, kinds.SOFTMAX]
    first = [kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D]
    assert list(found) == ["the head", "the head and the first two layers"]
    assert codes(found["the head"]) == head
    assert codes(found["the head and the first two layers"]) == [*first, *head]


def test_a_graph_without_int8_layers_has_no_ends(graphs: Callable[..., Any]) -> None:
    made = graphs("plain")
    assert search.ends(made.float_model, made.float_model) == {}
