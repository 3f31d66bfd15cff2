"""A .tflite's graph, read and written through the classes generated from TFLite's schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

_DTYPES: Final = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}
_OPERATORS: Final = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}


@dataclass(frozen=True)
class GraphTensor:
    """A tensor of the graph. `dtype` as numpy calls it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Operator:
    """A kind of operator in the graph, with its version."""

    name: str
    version: int


@dataclass(frozen=True)
class Graph:
    """What the first subgraph computes with."""

    inputs: tuple[GraphTensor, ...]
    outputs: tuple[GraphTensor, ...]
    operators: tuple[Operator, ...]
    float_tensors: tuple[str, ...]

    @property
    def select_tf_operators(self) -> tuple[str, ...]:
        """Operators that only a runtime with TensorFlow in it has."""
        return tuple(o.name for o in self.operators if o.name.startswith("Flex"))


def describe(model: bytes) -> Graph:
    """Read the graph of a .tflite."""
    root = schema.Model.GetRootAs(model, 0)
    subgraph = root.Subgraphs(0)
    tensors = [_tensor(subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())]
    operators = {_operator(root.OperatorCodes(i)) for i in range(root.OperatorCodesLength())}
    return Graph(
        inputs=tuple(tensors[subgraph.Inputs(i)] for i in range(subgraph.InputsLength())),
        outputs=tuple(tensors[subgraph.Outputs(i)] for i in range(subgraph.OutputsLength())),
        operators=tuple(sorted(operators, key=lambda o: (o.name, o.version))),
        float_tensors=tuple(t.name for t in tensors if t.dtype.startswith("float")),
    )


def _tensor(tensor: Any) -> GraphTensor:
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    return GraphTensor(tensor.Name().decode(), _DTYPES[tensor.Type()], shape)


def _operator(code: Any) -> Operator:
    # Codes above 127 stand in the newer field; older writers fill only the older one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    custom = code.CustomCode()
    name = custom.decode() if custom else _OPERATORS[number]
    return Operator(name, int(code.Version()))


def with_metadata(model: bytes, entries: dict[str, bytes]) -> bytes:
    """The same graph with metadata entries added or replaced."""
    root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    kept = [m for m in root.metadata or [] if m.name.decode() not in entries]
    for name, content in entries.items():
        buffer = schema.BufferT()
        buffer.data = list(content)
        root.buffers.append(buffer)
        entry = schema.MetadataT()
        entry.name, entry.buffer = name, len(root.buffers) - 1
        kept.append(entry)
    root.metadata = kept
    builder = flatbuffers.Builder(len(model) + 65536)
    builder.Finish(root.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
