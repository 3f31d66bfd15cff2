"""Reads tables of a FlatBuffer by field number, without code generated from a schema.

The device needs a handful of fields of two schemas (TFLite's own and TFLite Metadata's).
Knows neither: their field numbers stand in tflite_file.py and tflite_metadata.py.
Format: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flatbuffers import encode, number_types, packer
from flatbuffers.table import Table as RawTable


class Table:
    """One table inside a FlatBuffer. Field numbers count from 0 in the order of the schema.

    Every reader returns its default where the field is absent. A damaged file may raise
    struct.error, IndexError or UnicodeDecodeError, which callers turn into a sentence.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self._raw = RawTable(data, position)

    @classmethod
    def root(cls, data: bytes) -> Table:
        """The root table of a whole FlatBuffer."""
        return cls(data, int(encode.Get(packer.uoffset, data, 0)))

    def _position(self, field: int) -> int:
        """Where the field stands in the buffer, 0 where it is absent."""
        offset = int(self._raw.Offset(4 + 2 * field))
        return offset + int(self._raw.Pos) if offset else 0

    def _scalar(self, field: int, flags: Any, default: int) -> int:
        position = self._position(field)
        return int(self._raw.Get(flags, position)) if position else default

    def int8(self, field: int, default: int = 0) -> int:
        return self._scalar(field, number_types.Int8Flags, default)

    def uint8(self, field: int, default: int = 0) -> int:
        return self._scalar(field, number_types.Uint8Flags, default)

    def int32(self, field: int, default: int = 0) -> int:
        return self._scalar(field, number_types.Int32Flags, default)

    def uint32(self, field: int, default: int = 0) -> int:
        return self._scalar(field, number_types.Uint32Flags, default)

    def uint64(self, field: int, default: int = 0) -> int:
        return self._scalar(field, number_types.Uint64Flags, default)

    def text(self, field: int) -> str:
        """A string, empty where absent."""
        return self.octets(field).decode("utf-8")

    def table(self, field: int) -> Table | None:
        position = self._position(field)
        if not position:
            return None
        return Table(self._raw.Bytes, int(self._raw.Indirect(position)))

    def tables(self, field: int) -> Iterator[Table]:
        """A vector of tables."""
        for position in self._elements(field, width=4):
            yield Table(self._raw.Bytes, int(self._raw.Indirect(position)))

    def floats(self, field: int) -> tuple[float, ...]:
        """A vector of float32."""
        return tuple(
            float(self._raw.Get(number_types.Float32Flags, p)) for p in self._elements(field, 4)
        )

    def int32s(self, field: int) -> tuple[int, ...]:
        """A vector of int32."""
        return tuple(
            int(self._raw.Get(number_types.Int32Flags, p)) for p in self._elements(field, 4)
        )

    def octets(self, field: int) -> bytes:
        """A vector of bytes."""
        elements = self._elements(field, width=1)
        data: bytes = self._raw.Bytes
        return bytes(data[elements.start : elements.stop])

    def length(self, field: int, width: int = 1) -> int:
        """How many elements of `width` bytes a vector has, without reading them."""
        return len(self._elements(field, width))

    def union(self, type_field: int) -> tuple[int, Table | None]:
        """A union: its type (0 is none), stored one field before its table."""
        return self.uint8(type_field), self.table(type_field + 1)

    def _elements(self, field: int, width: int) -> range:
        """Positions of a vector's elements, each `width` bytes."""
        offset = int(self._raw.Offset(4 + 2 * field))
        if not offset:
            return range(0)
        start, length = int(self._raw.Vector(offset)), int(self._raw.VectorLen(offset))
        if start + length * width > len(self._raw.Bytes):
            raise IndexError("a vector runs past the end of the file")
        return range(start, start + length * width, width)
