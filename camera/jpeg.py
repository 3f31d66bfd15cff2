"""RGB pixels -> JPEG bytes, and what a camera's JPEG says of itself; knows no viewers."""

from __future__ import annotations

import re
import struct
from typing import Final

from camera.errors import CameraError
from camera.frame import Jpeg, Pixels
from camera.huffman import STANDARD_TABLES

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
# Start of frame, of every process but those that are not of pictures (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN: Final = 0xDA
_TABLES: Final = 0xC4
# Those whose tables Motion JPEG may leave out: baseline and extended sequential.
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
# What is never inside of a picture: reserved markers, and the start of the next one.
_TORN: Final = re.compile(rb"\xff[\x02-\xbf\xd8\xf0-\xfd]")


def read_jpeg(data: bytes) -> Jpeg | None:
    """A whole JPEG with its size, by its markers alone; None where it is torn or something else.

    What follows its end, as some cameras pad their pictures, is cut off. Huffman tables that are
    left out, as in Motion JPEG, are put in, since many viewers show nothing without.
    """
    size = None
    complete = sequential = False
    position = 2
    if not data.startswith(_START):
        return None
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = struct.unpack_from(">xBH", data, position)
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _FRAMES and position + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
            sequential = marker in _SEQUENTIAL
        if marker == _TABLES:
            complete = True
        if marker == _SCAN:
            end = data.find(_END, position)
            if end < 0 or size is None or not all(size) or _TORN.search(data, position, end):
                return None
            missing = STANDARD_TABLES if sequential and not complete else b""
            return Jpeg(data[:position] + missing + data[position : end + 2], size)
        position += 2 + length
    return None


def encode_rgb(pixels: Pixels, quality: int = 80) -> bytes:
    """A baseline JPEG of uint8 (H, W, 3) RGB pixels; quality 1..100.

    It holds no EXIF and so no thumbnail: clients that look for the first end-of-image marker
    would cut the picture there. Raises CameraError where OpenCV is absent or refuses.
    """
    from camera.sources.opencv import load_cv2  # noqa: PLC0415, sources read JPEGs by this module

    cv2 = load_cv2()
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        height, width = pixels.shape[:2]
        raise CameraError(
            f"A picture of {width}x{height} can't be written as JPEG; choose a smaller size."
        )
    return bytes(encoded.tobytes())
