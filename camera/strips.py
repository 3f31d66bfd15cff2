"""JPEGs of the strips of a picture -> the JPEG of the picture; knows no encoder.

A strip is what stands between two restart markers (ITU-T T.81, F.1.1.5.2), where an encoder begins
anew anyhow: the picture is the one that is encoded as a whole, some bytes longer.
"""

from __future__ import annotations

import struct
from typing import Final

# Rows of pixels in a row of the blocks that are coded together, with chroma halved or not: the
# height of each strip but the last is a multiple of it.
ROWS: Final = 16
_FRAMES: Final = frozenset({0xC0, 0xC1})
_SCAN, _RESTART_INTERVAL, _RESTART = 0xDA, 0xDD, 0xD0
_LONGEST_INTERVAL: Final = 2**16 - 1


def joined(strips: list[bytes], height: int) -> bytes:
    """One baseline JPEG of those of its strips, all of one width and, but the last, one height.

    All have to be of one encoder with the same tables. Raises ValueError where they are not fit.
    """
    frame, scan = _places(strips[0])
    rows, width, sampling = _shape(strips[0], frame)
    if len(strips) > 1 and rows % ROWS:
        raise ValueError("The height of a strip is a multiple of 16.")
    across, down = 8 * (sampling >> 4), 8 * (sampling & 15)
    interval = -(-width // across) * (rows // down)
    if interval > _LONGEST_INTERVAL:
        raise ValueError("The strips are too large for a restart interval.")
    head = bytearray(strips[0][:scan])
    struct.pack_into(">H", head, frame + 5, height)
    (length,) = struct.unpack_from(">H", strips[0], scan + 2)
    start = scan + 2 + length
    parts = [
        bytes(head),
        struct.pack(">BBHH", 0xFF, _RESTART_INTERVAL, 4, interval),
        strips[0][scan:start],
    ]
    for number, strip in enumerate(strips):
        if number:
            parts.append(bytes((0xFF, _RESTART + (number - 1) % 8)))
        # Their heads differ in the height alone, so that they are of one length.
        parts.append(strip[start:-2])
    parts.append(b"\xff\xd9")
    return b"".join(parts)


def _places(jpeg: bytes) -> tuple[int, int]:
    """Where the frame and the scan begin."""
    position, frame = 2, -1
    while position + 4 <= len(jpeg) and jpeg[position] == 0xFF:
        marker, length = struct.unpack_from(">xBH", jpeg, position)
        if marker == _RESTART_INTERVAL:
            raise ValueError("A strip has restart markers of its own.")
        if marker in _FRAMES:
            frame = position
        if marker == _SCAN and frame > 0:
            return frame, position
        position += 2 + length
    raise ValueError("A strip is no baseline JPEG.")


def _shape(jpeg: bytes, frame: int) -> tuple[int, int, int]:
    """Height, width, and the sampling factors of the first component."""
    height, width, components, _, sampling = struct.unpack_from(">HHBBB", jpeg, frame + 5)
    # One component alone is coded block by block, whatever its factors say.
    return height, width, sampling if components > 1 else 0x11
