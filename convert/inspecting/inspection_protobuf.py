"""Reads Protocol Buffers messages by field number, without code generated from a schema.

TensorFlow's own classes for saved_model.pb come only with all of TensorFlow, seconds later.
Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Message:
    """One message. Readers return their default where the field is absent.

    Raises ValueError where the bytes are no message, UnicodeDecodeError (a ValueError) where a
    string is none.
    """

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for number, value in _fields(data):
            self._fields.setdefault(number, []).append(value)

    def numbers(self, field: int) -> tuple[int, ...]:
        """A repeated signed integer, packed or not."""
        found: list[int] = []
        for value in self._fields.get(field, ()):
            if isinstance(value, int):
                found.append(value)
                continue
            position = 0
            while position < len(value):
                number, position = _varint(value, position)
                found.append(number)
        return tuple(n - (1 << 64) if n >> 63 else n for n in found)

    def number(self, field: int, default: int = 0) -> int:
        return (*(default,), *self.numbers(field))[-1]

    def floats(self, field: int, code: str) -> tuple[float, ...]:
        """A repeated float ('f') or double ('d'), packed or not."""
        size = struct.calcsize(code)
        octets = b"".join(
            value if isinstance(value, bytes) else value.to_bytes(size, "little")
            for value in self._fields.get(field, ())
        )
        if len(octets) % size:
            raise ValueError("numbers that are cut off")
        return struct.unpack(f"<{len(octets) // size}{code}", octets)

    def octets(self, field: int) -> bytes:
        return next(reversed(list(self._all_octets(field))), b"")

    def text(self, field: int) -> str:
        return self.octets(field).decode("utf-8")

    def texts(self, field: int) -> tuple[str, ...]:
        return tuple(value.decode("utf-8") for value in self._all_octets(field))

    def has(self, field: int) -> bool:
        return field in self._fields

    def message(self, field: int) -> Message:
        """A message inside, empty where it is absent."""
        return Message(self.octets(field))

    def messages(self, field: int) -> Iterator[Message]:
        """A repeated message."""
        return map(Message, self._all_octets(field))

    def mapping(self, field: int) -> dict[str, Message]:
        """A map from strings to messages."""
        return {entry.text(1): entry.message(2) for entry in self.messages(field)}

    def _all_octets(self, field: int) -> Iterator[bytes]:
        for value in self._fields.get(field, ()):
            if not isinstance(value, bytes):
                raise ValueError("a number where bytes should be")  # noqa: TRY004
            yield value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind, size = tag & 7, 0
        value: int | bytes
        if kind == _VARINT:
            value, position = _varint(data, position)
        elif kind == _BYTES:
            size, position = _varint(data, position)
            value = data[position : position + size]
        elif kind in (_FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
            value = int.from_bytes(data[position : position + size], "little")
        else:
            raise ValueError("no kind of field")
        if position + size > len(data) or not tag >> 3:
            raise ValueError("a field runs past the end")
        position += size
        yield tag >> 3, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """The number at a position, and the position behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise ValueError("a number is cut off")
        octet = data[position]
        number |= (octet & 0x7F) << shift
        position += 1
        if octet < 0x80:
            return number & (2**64 - 1), position
    raise ValueError("a number is too long")
