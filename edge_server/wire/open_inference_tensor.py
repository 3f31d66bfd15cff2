"""Tensors of the Open Inference Protocol, in JSON or as bytes after it.

Source: Triton's docs/protocol/extension_binary_data.md. Bytes are little-endian and row by row; of
BYTES each element comes after its length in four of them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np

from edge_server.asking import Pictures
from edge_server.errors import BadRequest
from edge_server.wire.values import decode_base64

DATATYPES: Final[dict[str, np.dtype[Any]]] = {
    "FP32": np.dtype("<f4"),
    "UINT8": np.dtype("u1"),
    "INT8": np.dtype("i1"),
}
BYTES: Final[Literal["BYTES"]] = "BYTES"
_LENGTH: Final = struct.Struct("<I")
_MAX_DIMENSIONS: Final = 8


def datatype_of(dtype: np.dtype[Any]) -> str:
    """The protocol's name of a type."""
    return next(name for name, known in DATATYPES.items() if known == dtype)


def read(name: str, datatype: Any, shape: Any, *, data: Any, binary: bytes | None) -> Pictures:
    """An input's value: `binary` where it came as bytes, else `data` of the JSON.

    Encoded images are BYTES, in JSON as base64. Raises BadRequest.
    """
    if datatype not in (*DATATYPES, BYTES):
        raise BadRequest(
            f"inference input '{name}' has the data-type {datatype!r}: send FP32, the numbers that "
            "the original model took, the model's own type (see its metadata), or BYTES with "
            "encoded images."
        )
    size = _size(name, shape)
    if datatype == BYTES:
        if len(shape) > 2 or shape[1:] not in ([], [1]):
            raise BadRequest(
                f"inference input '{name}' of BYTES has the shape {shape}: send [n] or [n, 1], one "
                "encoded image each."
            )
        elements = _strings(name, data) if binary is None else _split(name, binary)
        _insist(name, len(elements), size, "elements")
        return tuple(elements)
    dtype = DATATYPES[datatype]
    if binary is not None:
        _insist(name, len(binary), size * dtype.itemsize, "bytes")
        return np.frombuffer(binary, dtype).reshape(shape)
    values = _numbers(name, datatype, data)
    _insist(name, values.size, size, "elements")
    return values.reshape(shape)


def _size(name: str, shape: Any) -> int:
    is_list = isinstance(shape, list) and 1 <= len(shape) <= _MAX_DIMENSIONS
    if not is_list or not all(type(size) is int and size >= 0 for size in shape):
        raise BadRequest(
            f"inference input '{name}' has the shape {str(shape)[:60]}: send a list of sizes."
        )
    return math.prod(shape)


def _insist(name: str, found: int, expected: int, what: str) -> None:
    if found != expected:
        raise BadRequest(
            f"inference input '{name}' has {found} {what}, but its shape and data-type say "
            f"{expected}."
        )


def _numbers(name: str, datatype: str, data: Any) -> np.ndarray[Any, Any]:
    """Numbers of the JSON, flat or nested."""
    dtype = DATATYPES[datatype]
    try:
        values = np.array(data)
    except (ValueError, OverflowError):
        values = np.array(None)
    kinds = "iuf" if datatype == "FP32" else "iu"
    if values.size == 0:
        return np.empty(0, dtype)
    if not isinstance(data, list) or values.dtype.kind not in kinds:
        raise BadRequest(
            f"inference input '{name}' has to have \"data\", a list of numbers that {datatype} can "
            "say, or bytes after the JSON with binary_data_size."
        )
    if kinds == "iu" and (values.min() < np.iinfo(dtype).min or values.max() > np.iinfo(dtype).max):
        raise BadRequest(f"inference input '{name}' has numbers that {datatype} can't say.")
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def _strings(name: str, data: Any) -> list[bytes]:
    if not isinstance(data, list):
        raise BadRequest(
            f"inference input '{name}' has no \"data\": send a list of base64 strings."
        )
    flat = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in data]
    return [decode_base64(value, f"data[{n}] of '{name}'") for n, value in enumerate(flat)]


def _split(name: str, binary: bytes) -> list[bytes]:
    elements, position = [], 0
    while position < len(binary):
        if position + _LENGTH.size > len(binary):
            break
        (length,) = _LENGTH.unpack_from(binary, position)
        position += _LENGTH.size + length
        elements.append(binary[position - length : position])
    if position != len(binary):
        raise BadRequest(
            f"inference input '{name}' of BYTES does not end where its last element does: put each "
            "element's length before it, in 4 bytes, little-endian."
        )
    return elements


def join(elements: Sequence[bytes]) -> bytes:
    """BYTES as they go over the wire."""
    return b"".join(_LENGTH.pack(len(element)) + element for element in elements)
