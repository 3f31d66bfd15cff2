"""The graphs inside a .tflite file, tensor by tensor, for people to look at.

Reads with edge_server's FlatBuffer tables, since a file may be damaged: what runs past its end
raises, where the code generated from the schema goes on. Needs no interpreter and no TensorFlow.
Field numbers are those of TFLite's schema.fbs (version 3).
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Final

from convert.file.tflite_schema import schema
from edge_server.errors import ModelFileError
from edge_server.inference.flatbuffer import Table

# What reading a damaged FlatBuffer can raise.
DAMAGE: Final = (
    struct.error,
    IndexError,
    KeyError,
    UnicodeDecodeError,
    TypeError,
    ValueError,
    OverflowError,
)

# Fields of Model and its tables, in the order of the schema.
_MODEL_VERSION, _MODEL_OPERATOR_CODES, _MODEL_SUBGRAPHS, _MODEL_DESCRIPTION = 0, 1, 2, 3
_MODEL_BUFFERS, _MODEL_METADATA, _MODEL_SIGNATURES = 4, 6, 7
_SUBGRAPH_TENSORS, _SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS, _SUBGRAPH_OPERATORS = 0, 1, 2, 3
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME = 0, 1, 2, 3
_TENSOR_QUANTIZATION, _TENSOR_SHAPE_SIGNATURE = 4, 7
_QUANTIZATION_SCALE, _QUANTIZATION_ZERO_POINT, _QUANTIZATION_DIMENSION = 2, 3, 6
_OPERATOR_CODE = 0
_CODE_OLD_NUMBER, _CODE_CUSTOM, _CODE_VERSION, _CODE_NUMBER = 0, 1, 2, 3
_SIGNATURE_INPUTS, _SIGNATURE_OUTPUTS, _SIGNATURE_KEY, _SIGNATURE_SUBGRAPH = 0, 1, 2, 4
_MAP_NAME, _MAP_TENSOR = 0, 1
_METADATA_BUFFER = 1
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2

_ALIGNMENT: Final = 16
_DTYPES: Final = {
    value: name.lower() for name, value in vars(schema.TensorType).items() if isinstance(value, int)
}
_OPERATORS: Final = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_RANGES: Final = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
    "int4": (-8, 7),
    "uint4": (0, 15),
}


@dataclass(frozen=True)
class Quantization:
    """real = (q - zero_point) * scale; one of each for the tensor, or one a slice of `axis`."""

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int


@dataclass(frozen=True)
class Tensor:
    """`shape_signature` has -1 where the size is free, and is the shape where none is.

    `buffer_bytes` is the size of the constant that the file holds for it, 0 for an activation.
    """

    index: int
    name: str
    dtype: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    quantization: Quantization | None
    buffer: int
    buffer_bytes: int

    @property
    def elements(self) -> int:
        return prod(self.shape)

    @property
    def real_range(self) -> tuple[float, float] | None:
        """The lowest and the highest number that it can say; None where it is not quantized as a
        whole to a type of few bits."""
        limits = _RANGES.get(self.dtype)
        if limits is None or self.quantization is None or len(self.quantization.scale) != 1:
            return None
        (scale,) = self.quantization.scale
        zero_point = self.quantization.zero_point[0]
        return (limits[0] - zero_point) * scale, (limits[1] - zero_point) * scale


@dataclass(frozen=True)
class Operator:
    """A kind of operator: its version, and how often all graphs of the file use it."""

    name: str
    version: int
    count: int
    custom: bool


@dataclass(frozen=True)
class Subgraph:
    tensors: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: int


@dataclass(frozen=True)
class Signature:
    """Names under which TensorFlow's signature runner takes and gives tensors."""

    key: str
    subgraph: int
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Buffers:
    """How the file holds its constants. Sizes in bytes; `misaligned` counts buffers of tensors
    that do not begin at a multiple of 16 bytes, as the schema wants them; `missing` counts those
    that tensors name and the file does not have."""

    count: int
    empty: int
    misaligned: int
    unused: int
    unused_bytes: int
    outside: int
    missing: int


@dataclass(frozen=True)
class Graph:
    """All that a model's FlatBuffer says."""

    schema_version: int
    description: str
    subgraphs: tuple[Subgraph, ...]
    operators: tuple[Operator, ...]
    signatures: tuple[Signature, ...]
    buffers: Buffers

    @property
    def main(self) -> Subgraph:
        return self.subgraphs[0]


def read(data: bytes, name: str) -> Graph:
    """Read the graphs of a file that tflite_file.parse() has accepted.

    Raises ModelFileError where its parts contradict each other.
    """
    try:
        return _read(Table.root(data))
    except DAMAGE as error:
        raise ModelFileError(
            f"{name} is damaged: its graph contradicts itself. Copy it again or convert it again."
        ) from error


def _read(model: Table) -> Graph:
    buffers = list(model.tables(_MODEL_BUFFERS))
    sizes = [_size(buffer) for buffer in buffers]
    codes = list(model.tables(_MODEL_OPERATOR_CODES))
    used: Counter[int] = Counter()
    subgraphs = []
    for table in model.tables(_MODEL_SUBGRAPHS):
        tensors = tuple(
            _tensor(i, tensor, sizes) for i, tensor in enumerate(table.tables(_SUBGRAPH_TENSORS))
        )
        numbers = [o.uint32(_OPERATOR_CODE) for o in table.tables(_SUBGRAPH_OPERATORS)]
        used.update(numbers)
        subgraphs.append(
            Subgraph(
                tensors=tensors,
                inputs=tuple(_at(tensors, i) for i in table.int32s(_SUBGRAPH_INPUTS)),
                outputs=tuple(_at(tensors, i) for i in table.int32s(_SUBGRAPH_OUTPUTS)),
                operators=len(numbers),
            )
        )
    if max(used, default=-1) >= len(codes):
        raise ValueError("an operator of no kind")
    operators = [_operator(code, used[number]) for number, code in enumerate(codes)]
    signatures = tuple(_signature(s, subgraphs) for s in model.tables(_MODEL_SIGNATURES))
    return Graph(
        schema_version=model.uint32(_MODEL_VERSION),
        description=model.text(_MODEL_DESCRIPTION),
        subgraphs=tuple(subgraphs),
        operators=tuple(sorted(operators, key=lambda o: (-o.count, o.name, o.version))),
        signatures=signatures,
        buffers=_buffers(model, buffers, sizes, subgraphs),
    )


def _at(tensors: tuple[Tensor, ...], index: int) -> Tensor:
    if index < 0:
        raise IndexError("a tensor before the first")
    return tensors[index]


def _size(buffer: Table) -> int:
    # Models beyond 2 GB keep their buffers behind the FlatBuffer and only point at them.
    outside = buffer.uint64(_BUFFER_OFFSET) > 1
    return buffer.uint64(_BUFFER_SIZE) if outside else buffer.length(_BUFFER_DATA)


def _tensor(index: int, table: Table, sizes: list[int]) -> Tensor:
    shape = table.int32s(_TENSOR_SHAPE)
    number = table.int8(_TENSOR_TYPE)
    buffer = table.uint32(_TENSOR_BUFFER)
    return Tensor(
        index=index,
        name=table.text(_TENSOR_NAME),
        dtype=_DTYPES.get(number, f"type {number}"),
        shape=shape,
        shape_signature=table.int32s(_TENSOR_SHAPE_SIGNATURE) or shape,
        quantization=_quantization(table.table(_TENSOR_QUANTIZATION)),
        buffer=buffer,
        # Interpreters load a file whose tensor names a buffer that is not there.
        buffer_bytes=sizes[buffer] if buffer < len(sizes) else 0,
    )


def _quantization(table: Table | None) -> Quantization | None:
    scale = table.floats(_QUANTIZATION_SCALE) if table is not None else ()
    if table is None or not scale:
        return None
    zero_points = int64s(table, _QUANTIZATION_ZERO_POINT) or (0,) * len(scale)
    if len(zero_points) != len(scale):
        raise ValueError("as many zero points as scales")
    return Quantization(scale, zero_points, table.int32(_QUANTIZATION_DIMENSION))


def int64s(table: Table, field: int) -> tuple[int, ...]:
    """A vector of int64."""
    # The device reads none, so Table has no reader for them.
    positions = table._elements(field, 8)
    data: bytes = table._raw.Bytes
    return tuple(int(struct.unpack_from("<q", data, p)[0]) for p in positions)


def _operator(code: Table, count: int) -> Operator:
    # Codes above 127 stand in the newer field; older writers fill only the older one.
    number = max(code.int32(_CODE_NUMBER), code.int8(_CODE_OLD_NUMBER))
    custom = code.text(_CODE_CUSTOM)
    name = custom or _OPERATORS.get(number, f"BUILTIN_{number}")
    return Operator(name, code.int32(_CODE_VERSION, default=1), count, bool(custom))


def _signature(table: Table, subgraphs: list[Subgraph]) -> Signature:
    number = table.uint32(_SIGNATURE_SUBGRAPH)
    tensors = subgraphs[number].tensors

    def mapped(field: int) -> tuple[tuple[str, int], ...]:
        pairs = [(t.text(_MAP_NAME), t.uint32(_MAP_TENSOR)) for t in table.tables(field)]
        return tuple((name, _at(tensors, index).index) for name, index in pairs)

    return Signature(
        table.text(_SIGNATURE_KEY), number, mapped(_SIGNATURE_INPUTS), mapped(_SIGNATURE_OUTPUTS)
    )


def _buffers(
    model: Table, buffers: list[Table], sizes: list[int], subgraphs: list[Subgraph]
) -> Buffers:
    by_tensors = {tensor.buffer for graph in subgraphs for tensor in graph.tensors}
    by_metadata = {entry.uint32(_METADATA_BUFFER) for entry in model.tables(_MODEL_METADATA)}
    # Buffer 0 is empty by definition: it stands for "none".
    unused = [n for n in range(1, len(buffers)) if n not in by_tensors | by_metadata]
    held = [n for n in by_tensors if n < len(sizes) and sizes[n]]
    return Buffers(
        count=len(buffers),
        empty=sum(1 for size in sizes[1:] if not size),
        misaligned=sum(1 for n in held if _position(buffers[n]) % _ALIGNMENT),
        unused=len(unused),
        unused_bytes=sum(sizes[n] for n in unused),
        outside=sum(1 for buffer in buffers if buffer.uint64(_BUFFER_OFFSET) > 1),
        missing=sum(1 for n in by_tensors if n >= len(sizes)),
    )


def _position(buffer: Table) -> int:
    """Where a buffer's data begins in the file."""
    offset = buffer.uint64(_BUFFER_OFFSET)
    return offset if offset > 1 else buffer._elements(_BUFFER_DATA, 1).start
