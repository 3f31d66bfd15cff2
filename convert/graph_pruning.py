"""A graph without the tensors, buffers and kinds of operators that nothing in it needs."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


def prune(model: Any, operators: Sequence[Any], outputs: Sequence[int]) -> None:
    """Give a ModelT these operators and outputs, in place of those of its only subgraph.

    Operators name tensors and kinds by the model's present numbers; what is left is numbered
    anew. The objects that the model was made of stay as they are.
    """
    old = model.subgraphs[0]
    used = {int(t) for o in operators for t in (*o.inputs, *o.outputs) if t >= 0}
    used |= {int(t) for t in (*old.inputs, *outputs)}
    number = {tensor: i for i, tensor in enumerate(sorted(used))}
    # Buffer 0 is the empty one; those of metadata are named by number.
    numbers = {0: 0}
    buffers = [model.buffers[0]]

    def keep_buffer(index: int) -> int:
        if index not in numbers:
            numbers[index] = len(buffers)
            buffers.append(model.buffers[index])
        return numbers[index]

    graph = copy.copy(old)
    graph.tensors = [copy.copy(old.tensors[tensor]) for tensor in sorted(used)]
    for tensor in graph.tensors:
        # An empty buffer stands for values that come at run time.
        tensor.buffer = keep_buffer(tensor.buffer)
    codes = sorted({operator.opcodeIndex for operator in operators})
    graph.operators = [copy.copy(operator) for operator in operators]
    for operator in graph.operators:
        operator.inputs = [number[int(t)] if t >= 0 else -1 for t in operator.inputs]
        operator.outputs = [number[int(t)] for t in operator.outputs]
        operator.opcodeIndex = codes.index(operator.opcodeIndex)
    graph.inputs = [number[int(t)] for t in old.inputs]
    graph.outputs = [number[t] for t in outputs]
    metadata = [copy.copy(entry) for entry in model.metadata or []]
    for entry in metadata:
        entry.buffer = keep_buffer(entry.buffer)
    renamed = dict(zip(map(int, old.outputs), outputs, strict=True))
    model.signatureDefs = [_renumbered(s, number, renamed) for s in model.signatureDefs or []]
    model.operatorCodes = [model.operatorCodes[index] for index in codes]
    model.metadata, model.subgraphs, model.buffers = metadata, [graph], buffers


def _renumbered(signature: Any, number: dict[int, int], renamed: dict[int, int]) -> Any:
    taken = copy.copy(signature)
    for side in ("inputs", "outputs"):
        maps = [copy.copy(entry) for entry in getattr(signature, side) or []]
        for entry in maps:
            tensor = int(entry.tensorIndex)
            entry.tensorIndex = number[renamed.get(tensor, tensor)]
        setattr(taken, side, maps)
    return taken
