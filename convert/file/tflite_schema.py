"""A .tflite's graph, read and written through the classes generated from TFLite's schema.

Imports neither TensorFlow nor a runtime: both bring the same generated file, and it is read alone.
"""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import flatbuffers
import numpy as np

from convert.errors import BuildError
from edge_server.inference.tflite_file import IDENTIFIER

# LiteRT's first: it is the newer of the two, and loses nothing of what the other writes.
_GENERATED: Final = (
    ("ai_edge_litert", "schema_py_generated.py"),
    ("tensorflow", "lite/python/schema_py_generated.py"),
)
# Offsets in a FlatBuffer are 32 bits with a sign.
_MAX_BYTES: Final = 2**31 - 1
_TOO_LARGE: Final = "The model takes over 2 GB, too much for one .tflite: use a smaller model."
# schema.fbs: Buffer.data (force_align: 16). Kernels read weights with vector loads.
BUFFER_ALIGNMENT: Final = 16


def _load_schema() -> ModuleType:
    """The generated module without the package around it.

    `import ai_edge_litert` loads the runtime's library into the process, for every other library
    to see: it must not meet TensorFlow there. `import tensorflow` costs seconds.
    """
    for package, file in _GENERATED:
        found = importlib.util.find_spec(package)
        for folder in (found.submodule_search_locations or ()) if found else ():
            path = Path(folder) / file
            if path.is_file():
                spec = importlib.util.spec_from_file_location("schema_py_generated", path)
                assert spec is not None
                assert spec.loader is not None
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                return module
    raise ImportError("TFLite's schema comes with ai-edge-litert: install requirements-edge.txt.")


schema: Final[Any] = _load_schema()

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
    """Inputs and outputs of the first subgraph; operators and float tensors of all of them."""

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
    everywhere = [_tensors(root.Subgraphs(i)) for i in range(root.SubgraphsLength())]
    tensors = everywhere[0]
    operators = {_operator(root.OperatorCodes(i)) for i in range(root.OperatorCodesLength())}
    return Graph(
        inputs=tuple(tensors[subgraph.Inputs(i)] for i in range(subgraph.InputsLength())),
        outputs=tuple(tensors[subgraph.Outputs(i)] for i in range(subgraph.OutputsLength())),
        operators=tuple(sorted(operators, key=lambda o: (o.name, o.version))),
        float_tensors=tuple(
            tensor.name
            for subgraph_tensors in everywhere
            for tensor in subgraph_tensors
            if tensor.dtype.startswith("float")
        ),
    )


def made_by(model: bytes, number: int, operator: str) -> str | None:
    """The name of what the operator of this number in the first subgraph computes; None where it
    is of another kind than `operator`, or there is none."""
    root = schema.Model.GetRootAs(model, 0)
    subgraph = root.Subgraphs(0)
    if number >= subgraph.OperatorsLength():
        return None
    found = subgraph.Operators(number)
    if _operator(root.OperatorCodes(found.OpcodeIndex())).name != operator:
        return None
    return _tensor(subgraph.Tensors(found.Outputs(0))).name


def _tensors(subgraph: Any) -> list[GraphTensor]:
    return [_tensor(subgraph.Tensors(i)) for i in range(subgraph.TensorsLength())]


def _tensor(tensor: Any) -> GraphTensor:
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    return GraphTensor((tensor.Name() or b"").decode(), _DTYPES[tensor.Type()], shape)


def _operator(code: Any) -> Operator:
    # Codes above 127 stand in the newer field; older writers fill only the older one.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    custom = code.CustomCode()
    name = custom.decode() if custom else _OPERATORS[number]
    return Operator(name, int(code.Version()))


def unpack(model: bytes) -> Any:
    """The file as a tree of objects to edit: a ModelT of the schema, without a ZIP behind it.

    Names are bytes; vectors of numbers are numpy arrays, weights `ModelT.buffers[i].data` uint8
    ones, all of them writable and independent of `model`. Raises BuildError for a model over 2 GB,
    whose weights stand outside the FlatBuffer.
    """
    root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    _refuse_outside(root)
    return root


def _refuse_outside(root: Any) -> None:
    """Weights behind the FlatBuffer, at offsets that writing it anew would not keep."""
    operators = [o for subgraph in root.subgraphs or [] for o in subgraph.operators or []]
    offsets = [buffer.offset for buffer in root.buffers or []]
    offsets += [operator.largeCustomOptionsOffset for operator in operators]
    if any(offset > 1 for offset in offsets):  # 0 and 1 mean that nothing stands outside
        raise BuildError(_TOO_LARGE)


def pack(model: Any) -> bytes:
    """The .tflite of a ModelT, which stays as it is; the same bytes for the same tree.

    `BufferT.data` may be an array of any dtype, which is taken as its bytes, or bytes, or None.
    Every buffer starts at a multiple of 16 bytes. Raises BuildError where it takes over 2 GB.
    """
    _refuse_outside(model)
    contents = [buffer.data for buffer in model.buffers or [] if buffer.data is not None]
    weights = sum(getattr(data, "nbytes", len(data)) for data in contents)
    if weights > _MAX_BYTES:
        raise BuildError(_TOO_LARGE)
    packed = copy.copy(model)
    packed.buffers = [schema.BufferT(_octets(buffer.data)) for buffer in model.buffers or []]
    builder = _Builder(min(weights + weights // 64 + 65536, _MAX_BYTES))
    try:
        builder.Finish(packed.Pack(builder), file_identifier=IDENTIFIER)
    except flatbuffers.builder.BuilderSizeError as error:
        raise BuildError(_TOO_LARGE) from error
    return bytes(builder.Output())


def _octets(data: Any) -> Any:
    """uint8 (n,), which the generated code packs in one piece."""
    if data is None:
        return None
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    return np.frombuffer(bytes(data), np.uint8)


class _Builder(flatbuffers.Builder):  # type: ignore[misc]
    """Aligns every vector of bytes, which the generated code does not."""

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:  # noqa: N802, N803
        if elemSize == 1:
            alignment = BUFFER_ALIGNMENT
        return int(super().StartVector(elemSize, numElems, alignment))


def values(model: Any, tensor: int, dtype: Any) -> np.ndarray[Any, Any]:
    """The numbers of a constant tensor of a ModelT, (n,)."""
    found = model.subgraphs[0].tensors[tensor]
    data = np.ascontiguousarray(model.buffers[found.buffer].data)
    return data.reshape(-1).view(np.uint8).view(dtype)


def store(model: Any, tensor: int, values: np.ndarray[Any, Any]) -> None:
    """Set a constant tensor of a ModelT. Others may have the same buffer, which stays: the
    converter writes equal values once."""
    found = model.subgraphs[0].tensors[tensor]
    buffer = schema.BufferT(np.ascontiguousarray(values).reshape(-1).view(np.uint8))
    if sum(other.buffer == found.buffer for other in model.subgraphs[0].tensors) > 1:
        model.buffers.append(buffer)
        found.buffer = len(model.buffers) - 1
    else:
        model.buffers[found.buffer] = buffer


def with_metadata(model: bytes, entries: dict[str, bytes]) -> bytes:
    """The same graph with metadata entries added or replaced."""
    root = unpack(model)
    root.metadata = root.metadata or []
    for name, content in entries.items():
        present = [entry for entry in root.metadata if entry.name == name.encode()]
        root.metadata = [entry for entry in root.metadata if entry not in present]
        free = [entry.buffer for entry in present if _users(root, entry.buffer) == 0]
        if not free:
            root.buffers.append(schema.BufferT())
            free = [len(root.buffers) - 1]
        root.buffers[free[0]].data = content
        entry = schema.MetadataT()
        entry.name, entry.buffer = name.encode(), free[0]
        root.metadata.append(entry)
    return pack(root)


def _users(root: Any, buffer: int) -> int:
    """How many tensors and metadata entries a buffer has; number 0 is everybody's empty one."""
    tensors = [tensor for subgraph in root.subgraphs for tensor in subgraph.tensors]
    return sum((buffer == 0, *(user.buffer == buffer for user in (*tensors, *root.metadata))))
