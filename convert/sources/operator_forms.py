"""A frozen graph whose operators without a form in integers are computed by others that have one.

Each is exact but for the order of roundings in float32: -x is -1 * x. Knows graphs of TensorFlow
only; which operators to change is the caller's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final

import numpy as np
import tensorflow as tf


def written_otherwise(graph: Any, names: Collection[str]) -> Any:
    """A GraphDef with float32 operators of these names computed otherwise, under the same names.

    A name may be a tensor's in a .tflite: several joined by `;`, with a number behind it, or
    without the calls that lead to the operator.
    Names of other operators are passed over. `graph` stays as it is.
    """
    wanted = {part for name in names for part in _nodes(name)}
    changed = type(graph)()
    changed.CopyFrom(graph)
    for node in list(changed.node):
        make = _OTHERWISE.get(node.op)
        if make is None or _CALLS.sub("", node.name) not in wanted or node.attr["T"].type != _FLOAT:
            continue
        inputs = [name for name in node.input if not name.startswith("^")]
        after = [name for name in node.input if name.startswith("^")]
        del node.input[:]
        node.attr.clear()
        new = _Nodes(changed, node.name)
        node.op, operands = make(new, inputs)
        node.input.extend([*operands, *after])
        node.attr["T"].type = _FLOAT
    return changed


_CALLS: Final = re.compile(r"^(?:(?:Stateful)?PartitionedCall(?:_\d+)?/)+")
_FLOAT: Final = tf.float32.as_datatype_enum


def _nodes(name: str) -> Iterator[str]:
    for part in (_CALLS.sub("", part) for part in name.split(";")):
        yield part
        # What the converter makes of one operator it tells apart by a number.
        yield re.sub(r"\d+$", "", part)


class _Nodes:
    """Adds operators to a graph, named after the one that they replace."""

    def __init__(self, graph: Any, name: str) -> None:
        self._graph, self._name, self._count = graph, name, 0

    def add(self, op: str, *inputs: str) -> str:
        node = self._new(op)
        node.input.extend(inputs)
        node.attr["T"].type = _FLOAT
        return str(node.name)

    def constant(self, value: float) -> str:
        node = self._new("Const")
        node.attr["dtype"].type = _FLOAT
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(value)))
        return str(node.name)

    def _new(self, op: str) -> Any:
        self._count += 1
        node = self._graph.node.add()
        node.name, node.op = f"{self._name}/otherwise_{self._count}", op
        return node


# What is written in an operator's place: its new kind, and its new inputs.
_Written = tuple[str, list[str]]


def _negative(new: _Nodes, inputs: list[str]) -> _Written:
    """-1 * x; in 0 - x the zero would get a scale that XNNPACK does not take."""
    return "Mul", [*inputs, new.constant(-1)]


def _square(_: _Nodes, inputs: list[str]) -> _Written:
    return "Mul", inputs * 2


def _squared_difference(new: _Nodes, inputs: list[str]) -> _Written:
    return "Mul", [new.add("Sub", *inputs)] * 2


def _elu(new: _Nodes, inputs: list[str]) -> _Written:
    """relu(x) + (exp(min(x, 0)) - 1)"""
    power = new.add("Exp", new.add("Minimum", *inputs, new.constant(0)))
    return "AddV2", [new.add("Relu", *inputs), new.add("Sub", power, new.constant(1))]


def _sum(new: _Nodes, inputs: list[str]) -> _Written:
    total, *rest, last = inputs if len(inputs) > 1 else [*inputs, new.constant(0)]
    for term in rest:
        total = new.add("AddV2", total, term)
    return "AddV2", [total, last]


_OTHERWISE: Final[dict[str, Callable[[_Nodes, list[str]], _Written]]] = {
    "AddN": _sum,
    "Elu": _elu,
    "Neg": _negative,
    "Square": _square,
    "SquaredDifference": _squared_difference,
}
