"""The segments of a JPEG, by its markers alone: nothing is decoded (ITU-T T.81, B.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

START_OF_SCAN: Final = 0xDA
_FILL: Final = 0xFF


def segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker with its position, from the start of the image to that of the first scan.

    Ends before that where the data does, or where no marker follows a segment.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _FILL:
            position += 1
            continue
        yield marker, position
        if marker == START_OF_SCAN:
            return
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
