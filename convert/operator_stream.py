"""Runs a graph operator by operator over many pictures at once.

Each operator becomes a model of its own, whose inputs are the kept outputs of those before it.
So weights can be changed in the middle of a run, and no operator is run twice for it; and only
the activations that a later operator still needs are in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.interpreter import Array, run_each

_BYTES: Final = {schema.TensorType.INT8: 1, schema.TensorType.UINT8: 1, schema.TensorType.INT16: 2}


class OperatorStream:
    """Activations of a ModelT with one subgraph: `values[tensor][picture]`.

    Raises RuntimeError or ValueError where an operator can't be run by itself.
    """

    def __init__(self, model: Any, inputs: Sequence[Array]) -> None:
        """`inputs` holds the input tensor of each picture."""
        self._model = model
        self._graph = model.subgraphs[0]
        self.values: dict[int, list[Array]] = {int(self._graph.inputs[0]): list(inputs)}
        self._last_use = {
            int(tensor): index
            for index, operator in enumerate(self._graph.operators)
            for tensor in operator.inputs
        }
        self._count = len(inputs)

    def run(self, index: int) -> list[list[Array]]:
        """The outputs of operator `index` now, `[output][picture]`, not yet kept."""
        operator = self._graph.operators[index]
        alone, needed = single_operator(self._model, operator)
        if not self.values.keys() >= set(needed):
            raise ValueError(f"operator {index} takes what no operator before it gives")
        rows = run_each(
            alone,
            [[self.values[tensor][picture] for tensor in needed] for picture in range(self._count)],
        )
        return [list(column) for column in zip(*rows, strict=True)]

    def keep(self, index: int, outputs: list[list[Array]]) -> None:
        """Take the outputs of operator `index`, and forget what nothing needs any more."""
        operator = self._graph.operators[index]
        for tensor, values in zip(operator.outputs, outputs, strict=True):
            self.values[int(tensor)] = values
        for tensor in [t for t in self.values if self._last_use.get(t, -1) <= index]:
            if tensor not in self._graph.outputs:
                del self.values[tensor]


def activation_bytes(model: Any) -> int:
    """The most memory that a stream of this ModelT takes for one picture."""
    graph = model.subgraphs[0]
    last = {int(t): i for i, o in enumerate(graph.operators) for t in o.inputs}
    live = {int(tensor): _size(graph.tensors[int(tensor)]) for tensor in graph.inputs}
    most = 0
    for index, operator in enumerate(graph.operators):
        live |= {int(tensor): _size(graph.tensors[int(tensor)]) for tensor in operator.outputs}
        most = max(most, sum(live.values()))
        live = {tensor: size for tensor, size in live.items() if last.get(tensor, -1) > index}
    return most


def _size(tensor: Any) -> int:
    shape = () if tensor.shape is None else tensor.shape
    return int(np.prod([int(n) for n in shape])) * _BYTES.get(int(tensor.type), 4)


def constant(model: Any, tensor: int) -> bool:
    """Whether the tensor's values stand in the file."""
    data = model.buffers[model.subgraphs[0].tensors[tensor].buffer].data
    return data is not None and len(data) > 0


def single_operator(model: Any, operator: Any) -> tuple[bytes, list[int]]:
    """A .tflite with this operator alone, and the tensors of `model` that are its inputs.

    Raises ValueError where it has tensors beside its inputs and outputs, as an LSTM has.
    """
    return part(model, [operator], [int(index) for index in operator.outputs])


def part(model: Any, operators: Sequence[Any], outputs: Sequence[int]) -> tuple[bytes, list[int]]:
    """A .tflite with these operators of `model`, which puts out its tensors `outputs`; and the
    tensors that are its inputs, those that no operator of the part makes.

    Raises ValueError where an operator has tensors beside its inputs and outputs, as an LSTM has.
    """
    if any(o.intermediates is not None and len(o.intermediates) for o in operators):
        raise ValueError("an operator has tensors of its own")
    tensors: list[Any] = []
    buffers: list[Any] = [schema.BufferT()]
    number: dict[int, int] = {}

    def take(index: int) -> int:
        if index < 0:  # an optional input that is not there
            return index
        if index not in number:
            tensor = copy.copy(model.subgraphs[0].tensors[index])
            if constant(model, index):
                buffers.append(model.buffers[tensor.buffer])
                tensor.buffer = len(buffers) - 1
            else:
                tensor.buffer = 0
            number[index] = len(tensors)
            tensors.append(tensor)
        return number[index]

    codes: list[int] = []
    taken: list[Any] = []
    needed: dict[int, None] = {}
    made: set[int] = set()
    for operator in operators:
        own = copy.copy(operator)
        if operator.opcodeIndex not in codes:
            codes.append(operator.opcodeIndex)
        own.opcodeIndex = codes.index(operator.opcodeIndex)
        own.inputs = [take(int(index)) for index in operator.inputs]
        own.outputs = [take(int(index)) for index in operator.outputs]
        taken.append(own)
        for index in map(int, operator.inputs):
            if index >= 0 and index not in made and not constant(model, index):
                needed[index] = None
        made.update(int(index) for index in operator.outputs)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, taken
    graph.inputs = [number[index] for index in needed]
    graph.outputs = [take(index) for index in outputs]
    root = schema.ModelT()
    root.version = model.version
    root.operatorCodes = [model.operatorCodes[code] for code in codes]
    root.subgraphs, root.buffers = [graph], buffers
    return tflite_schema.pack(root), list(needed)
