"""What stands in a .tflite file besides its graph: operators, metadata entries, attached files.

Knows nothing of an interpreter: it reads bytes, and so can say what is wrong with a file that
no interpreter will load. Field numbers are those of TFLite's schema.fbs (version 3).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_server.errors import ModelFileError
from edge_server.inference import output_kind
from edge_server.inference.flatbuffer import Table

IDENTIFIER: Final = b"TFL3"
METADATA_ENTRY: Final = "TFLITE_METADATA"

# Fields of Model and its tables, in the order of the schema.
_MODEL_OPERATOR_CODES, _MODEL_SUBGRAPHS, _MODEL_BUFFERS, _MODEL_METADATA = 1, 2, 4, 6
_SUBGRAPH_TENSORS, _SUBGRAPH_OUTPUTS, _SUBGRAPH_OPERATORS = 0, 2, 3
_TENSOR_SHAPE, _TENSOR_NAME, _TENSOR_QUANTIZATION, _TENSOR_IS_VARIABLE = 0, 3, 4, 5
_QUANTIZATION_SCALE, _QUANTIZATION_ZERO_POINT = 2, 3
_OPERATOR_CODE, _OPERATOR_INPUTS, _OPERATOR_OUTPUTS, _OPERATOR_OPTIONS_TYPE = 0, 1, 2, 3
_CODE_DEPRECATED, _CODE_CUSTOM, _CODE_BUILTIN = 0, 1, 3
_CALL_ONCE_SUBGRAPH = 0
_METADATA_NAME, _METADATA_BUFFER = 0, 1
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2

# Numbers of BuiltinOperator.
_CALL_ONCE, _ASSIGN_VARIABLE = 129, 144

_MAX_ATTACHED_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class TfliteFile:
    """The bytes of a .tflite file and what they carry.

    `metadata` maps the name of each metadata entry to its raw bytes; `attached` maps the name of
    each file in the ZIP that TFLite Metadata appends to the model to its contents.
    """

    data: bytes
    metadata: dict[str, bytes]
    attached: dict[str, bytes]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def read(path: Path) -> TfliteFile:
    """Read and check a .tflite file.

    Raises ModelFileError where the file is absent, unreadable, or no TFLite model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelFileError(
            f"The model file {path} can't be read ({reason}): give the path of a .tflite file."
        ) from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> TfliteFile:
    """The same for bytes; `name` is what errors call them."""
    if data[4:8] != IDENTIFIER:
        raise ModelFileError(
            f"{name} is not a .tflite model (it has no TFL3 mark): "
            "make one with `python -m convert build` on the machine where you train."
        )
    try:
        metadata = _metadata_entries(data)
    except (struct.error, IndexError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{name} begins like a .tflite model but is damaged or incomplete: "
            "copy it again or convert it again."
        ) from error
    return TfliteFile(data, metadata, _attached_files(data, name))


# Operators by what they put out, by their numbers in the schema: CONV_2D, FULLY_CONNECTED and ADD
# any number, LOGISTIC, MUL and DIV, SOFTMAX.
_KINDS: Final = {
    **dict.fromkeys((0, 3, 9), output_kind.LINEAR),
    14: output_kind.SIGMOID,
    **dict.fromkeys((18, 42), output_kind.SCALE),
    25: output_kind.SOFTMAX,
}
# DEQUANTIZE, RESHAPE, SQUEEZE, CAST and QUANTIZE leave the numbers what they are.
_SAME: Final = frozenset((6, 22, 43, 53, 114))


def ending(data: bytes) -> tuple[str, ...]:
    """The kinds of the last two operators of a model that parse() took, as output_kind calls them;
    "" for any other. The last one comes first."""
    model = Table.root(data)
    codes = [
        max(code.int8(_CODE_DEPRECATED), code.int32(_CODE_BUILTIN))
        for code in model.tables(_MODEL_OPERATOR_CODES)
    ]
    graph = next(model.tables(_MODEL_SUBGRAPHS))
    made_by = {
        made: operator
        for operator in graph.tables(_SUBGRAPH_OPERATORS)
        for made in operator.int32s(_OPERATOR_OUTPUTS)
    }
    tensors = list(graph.int32s(_SUBGRAPH_OUTPUTS))
    found: list[str] = []
    while len(found) < 2 and (makers := [t for t in tensors if t in made_by]):
        # Each operator is followed once, even where a damaged file has a cycle.
        operator = made_by.pop(makers[0])
        code = codes[operator.uint32(_OPERATOR_CODE)]
        tensors = list(operator.int32s(_OPERATOR_INPUTS))
        kind = _KINDS.get(code, "")
        if kind == output_kind.SCALE and all(t in made_by for t in tensors):
            kind = ""  # by numbers of the picture
        if code not in _SAME:
            found.append(kind)
    return tuple(found)


def _metadata_entries(data: bytes) -> dict[str, bytes]:
    model = Table.root(data)
    buffers = list(model.tables(_MODEL_BUFFERS))
    _walk(model, buffers)
    entries = {}
    for entry in model.tables(_MODEL_METADATA):
        buffer = buffers[entry.uint32(_METADATA_BUFFER)]
        # Models beyond 2 GB keep their buffers behind the FlatBuffer and only point at them.
        offset, size = buffer.uint64(_BUFFER_OFFSET), buffer.uint64(_BUFFER_SIZE)
        content = data[offset : offset + size] if offset > 1 else buffer.octets(_BUFFER_DATA)
        entries[entry.text(_METADATA_NAME)] = content
    return entries


def _walk(model: Table, buffers: list[Table]) -> None:
    """Touch every part of the graph once, so that a file that was cut off is said to be so.

    tflite-runtime 2.14 does not check the file that it is given: it dies, without a word.
    Raises what Table raises, or ValueError where there is no graph.
    """
    for buffer in buffers:
        buffer.length(_BUFFER_DATA)
    for code in model.tables(_MODEL_OPERATOR_CODES):
        code.text(_CODE_CUSTOM)
    graphs = list(model.tables(_MODEL_SUBGRAPHS))
    if not graphs:
        raise ValueError("no graph")
    for graph in graphs:
        for tensor in graph.tables(_SUBGRAPH_TENSORS):
            tensor.text(_TENSOR_NAME)
            tensor.int32s(_TENSOR_SHAPE)
            quantization = tensor.table(_TENSOR_QUANTIZATION)
            if quantization is not None:
                quantization.floats(_QUANTIZATION_SCALE)
                quantization.length(_QUANTIZATION_ZERO_POINT, width=8)
        for operator in graph.tables(_SUBGRAPH_OPERATORS):
            operator.int32s(_OPERATOR_INPUTS)
            operator.int32s(_OPERATOR_OUTPUTS)
            operator.union(_OPERATOR_OPTIONS_TYPE)


@dataclass(frozen=True)
class State:
    """What a graph keeps from one run to the next.

    `tensors` says that it has variable tensors, as TFLite's fused recurrent operators have;
    `resources` that it assigns resource variables (TensorFlow 2's tf.Variable) whenever it runs,
    not only to give them their first values.
    """

    tensors: bool
    resources: bool


def state(data: bytes) -> State:
    """What the graph in the bytes of a .tflite keeps. Raises ValueError where it is damaged."""
    try:
        return _state(Table.root(data))
    except (struct.error, IndexError, TypeError) as error:
        raise ValueError("its graph is damaged") from error


def _state(model: Table) -> State:
    # All codes from 128 on stand in the newer field alone.
    codes = [code.int32(_CODE_BUILTIN) for code in model.tables(_MODEL_OPERATOR_CODES)]
    graphs = list(model.tables(_MODEL_SUBGRAPHS))
    tensors = any(
        tensor.uint8(_TENSOR_IS_VARIABLE)
        for graph in graphs
        for tensor in graph.tables(_SUBGRAPH_TENSORS)
    )
    if _ASSIGN_VARIABLE not in codes:
        return State(tensors, resources=False)
    first_values, assigning = set(), set()
    for number, graph in enumerate(graphs):
        for operator in graph.tables(_SUBGRAPH_OPERATORS):
            code = codes[operator.uint32(_OPERATOR_CODE)]
            if code == _ASSIGN_VARIABLE:
                assigning.add(number)
            elif code == _CALL_ONCE:
                options = operator.union(_OPERATOR_OPTIONS_TYPE)[1]
                first_values.add(options.int32(_CALL_ONCE_SUBGRAPH) if options else 0)
    return State(tensors, resources=bool(assigning - first_values))


def _attached_files(data: bytes, name: str) -> dict[str, bytes]:
    stream = io.BytesIO(data)
    if not zipfile.is_zipfile(stream):
        return {}
    try:
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
            if sum(info.file_size for info in infos) > _MAX_ATTACHED_BYTES:
                raise ModelFileError(
                    f"The files attached to {name} are over "
                    f"{_MAX_ATTACHED_BYTES // 2**20} MiB when unpacked: this is no ordinary model."
                )
            return {info.filename: archive.read(info) for info in infos if not info.is_dir()}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise ModelFileError(
            f"The files attached to {name} can't be read ({error}): copy or convert it again."
        ) from error
