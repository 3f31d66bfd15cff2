"""The functions of a saved_model.pb: nodes, which of them count, constants, and what calls what.

Field numbers are those of TensorFlow's saved_model.proto, graph.proto and function.proto.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Final

from convert.inspecting.inspection_protobuf import Message

# Fields of MetaGraphDef, GraphDef and what is in them.
_GRAPH_NODE, _GRAPH_LIBRARY = 1, 2
_LIBRARY_FUNCTION: Final = 1
_FUNCTION_SIGNATURE, _FUNCTION_NODE, _FUNCTION_RETURN, _FUNCTION_CONTROL = 1, 3, 4, 6
_NODE_NAME, _NODE_OP, _NODE_INPUT, _NODE_ATTR = 1, 2, 3, 5
_ATTR_FUNCTION, _ATTR_TENSOR, _ATTR_LIST, _LIST_FUNCTION = 10, 8, 1, 9
_TENSOR_DTYPE, _TENSOR_SHAPE, _TENSOR_CONTENT = 1, 2, 4
_TENSOR_FLOAT, _TENSOR_DOUBLE, _TENSOR_INT, _TENSOR_INT64 = 5, 6, 7, 10

CALLS: Final = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
_VARIABLES: Final = frozenset(("VarHandleOp", "VariableV2", "Variable"))
# What moves numbers about without computing any.
_PLUMBING: Final = (
    CALLS | _VARIABLES | {"Const", "Identity", "IdentityN", "NoOp", "Placeholder", "ReadVariableOp"}
)
_CODES: Final = {1: "f", 2: "d", 3: "i", 4: "B", 9: "q"}
_REPEATED: Final = {1: _TENSOR_FLOAT, 2: _TENSOR_DOUBLE}
# Constants of more numbers are weights, and no mean or scale.
_FEW: Final = 64


@dataclass(frozen=True)
class Node:
    """One operation. `inputs` are names of nodes or arguments; control inputs are left out."""

    name: str
    op: str
    inputs: tuple[str, ...]
    controls: tuple[str, ...]
    attributes: dict[str, Message]

    def called(self) -> tuple[str, ...]:
        """The functions that it calls."""
        names = []
        for value in self.attributes.values():
            if value.has(_ATTR_FUNCTION):
                names.append(value.message(_ATTR_FUNCTION).text(1))
            names += [f.text(1) for f in value.message(_ATTR_LIST).messages(_LIST_FUNCTION)]
        return tuple(names)

    def small_constant(self) -> tuple[float, ...]:
        """The numbers of a Const, empty where it has many or is no number."""
        tensor = self.attributes.get("value", Message(b"")).message(_ATTR_TENSOR)
        dtype = tensor.number(_TENSOR_DTYPE)
        code = _CODES.get(dtype)
        count = math.prod(d.number(1) for d in tensor.message(_TENSOR_SHAPE).messages(2))
        if code is None or not 0 < count <= _FEW:
            return ()
        content = tensor.octets(_TENSOR_CONTENT)
        if content:
            if len(content) != count * struct.calcsize(code):
                raise ValueError("a constant of another size")
            return tuple(map(float, struct.unpack(f"<{count}{code}", content)))
        if dtype in _REPEATED:
            values = tensor.floats(_REPEATED[dtype], code)
        else:
            values = tensor.numbers(_TENSOR_INT64 if code == "q" else _TENSOR_INT)
        # The last number is repeated to the end.
        return tuple(map(float, (values or (0.0,)) * (count if len(values) < 2 else 1)))


@dataclass(frozen=True)
class Function:
    """A graph: the main one or one that is called. `results` names the nodes it answers with."""

    arguments: tuple[str, ...]
    nodes: dict[str, Node]
    results: tuple[str, ...]

    def consumers(self, name: str) -> list[Node]:
        """Which nodes take this one's output as a value."""
        return [node for node in self.nodes.values() if name in node.inputs]


@dataclass(frozen=True)
class Library:
    """The main graph and all functions by name."""

    main: Function
    functions: dict[str, Function]

    def operations(self, results: tuple[str, ...]) -> Counter[str]:
        """How often each operation is run for some results of the main graph."""
        return self._count(self.main, results, ())

    def variables(self, results: tuple[str, ...]) -> list[Node]:
        """The variables that some results of the main graph depend on."""
        reached = _reachable(self.main, results)
        return [node for node in reached if node.op in _VARIABLES]

    def node_names(self) -> list[str]:
        """All names, which often tell the network's."""
        functions = (self.main, *self.functions.values())
        return [node.name for function in functions for node in function.nodes.values()]

    def _count(
        self, function: Function, results: tuple[str, ...], callers: tuple[str, ...]
    ) -> Counter[str]:
        counts: Counter[str] = Counter()
        for node in _reachable(function, results):
            if node.op not in _PLUMBING:
                counts[node.op] += 1
            for name in node.called():
                inner = self.functions.get(name)
                if inner is not None and name not in callers:
                    counts += self._count(inner, inner.results, (*callers, name))
        return counts


def _reachable(function: Function, results: tuple[str, ...]) -> list[Node]:
    """The nodes that some results depend on."""
    waiting, found = list(results), dict[str, Node]()
    while waiting:
        node = function.nodes.get(waiting.pop())
        if node is not None and node.name not in found:
            found[node.name] = node
            waiting += [*node.inputs, *node.controls]
    return list(found.values())


def read(graph: Message) -> Library:
    """Read a GraphDef. Raises ValueError where it is damaged."""
    main = Function((), _nodes(graph, _GRAPH_NODE), ())
    functions = {}
    for function in graph.message(_GRAPH_LIBRARY).messages(_LIBRARY_FUNCTION):
        signature = function.message(_FUNCTION_SIGNATURE)
        returned = [e.text(2) for e in function.messages(_FUNCTION_RETURN)]
        returned += [e.text(2) for e in function.messages(_FUNCTION_CONTROL)]
        functions[signature.text(1)] = Function(
            arguments=tuple(argument.text(1) for argument in signature.messages(2)),
            nodes=_nodes(function, _FUNCTION_NODE),
            results=tuple(node_name(reference) for reference in returned),
        )
    return Library(main, functions)


def node_name(reference: str) -> str:
    """The node of a reference like 'node', 'node:0' or 'node:output:0'."""
    return reference.split(":", 1)[0]


def _nodes(holder: Message, field: int) -> dict[str, Node]:
    nodes = {}
    for message in holder.messages(field):
        inputs = message.texts(_NODE_INPUT)
        node = Node(
            name=message.text(_NODE_NAME),
            op=message.text(_NODE_OP),
            inputs=tuple(node_name(name) for name in inputs if not name.startswith("^")),
            controls=tuple(name[1:] for name in inputs if name.startswith("^")),
            attributes=message.mapping(_NODE_ATTR),
        )
        nodes[node.name] = node
    return nodes
