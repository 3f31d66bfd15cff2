"""JPEG bytes -> upright RGB pixels, whole or at a half, a quarter or an eighth of the size.

OpenCV decodes into an array, Pillow into a picture for its own resizing: each is the fastest way
to what it is for, and both, made of the same libjpeg-turbo, give the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from edge_server.errors import ImageError

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

# What the discrete cosine transform can be cut down to, the smallest picture first.
REDUCTIONS: Final = (8, 4, 2)
# A progressive picture has about ten. Each costs time for all its pixels, and may be a few bytes.
_MAX_SCANS: Final = 64
_START_OF_SCAN: Final = 0xDA
# Frames whose scans are not passes over the same pixels (baseline, extended).
_SEQUENTIAL: Final = (0xC0, 0xC1)
# What turns a picture upright, by its EXIF orientation. OpenCV 4 does not find that behind another
# segment of the same kind, so it is given.
_UPRIGHT: Final[dict[int, Callable[[Any, Any], Any]]] = {
    2: lambda cv2, pixels: cv2.flip(pixels, 1),
    3: lambda cv2, pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda cv2, pixels: cv2.flip(pixels, 0),
    5: lambda cv2, pixels: cv2.transpose(pixels),
    6: lambda cv2, pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda cv2, pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda cv2, pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
_TRANSPOSED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DAMAGED: Final = (
    "The JPEG is damaged, or of a kind that no camera writes: send it again or save it anew."
)


def decode(data: bytes, orientation: int = 1, reduced: int = 1) -> Pixels:
    """Decode a JPEG with grey or RGB pixels, and turn it upright.

    `orientation` is that of EXIF; others than 2 to 8 turn nothing. `reduced` is 1, or one of
    REDUCTIONS: each pixel then stands for so many of the file's on each axis, rounded up, averaged
    in the cosine transform. Returns uint8 (height, width, 3), RGB.
    Raises ImageError where it is cut off, damaged, or made to take long.
    """
    import cv2  # noqa: PLC0415, it is large, and not every model needs it

    _check(data)
    encoded = np.frombuffer(data, np.uint8)
    flags = {
        1: cv2.IMREAD_COLOR_RGB,
        2: cv2.IMREAD_REDUCED_COLOR_2,
        4: cv2.IMREAD_REDUCED_COLOR_4,
        8: cv2.IMREAD_REDUCED_COLOR_8,
    }[reduced]
    pixels: Any = cv2.imdecode(encoded, flags | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ImageError(_DAMAGED)
    if reduced > 1:
        cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    if orientation in _UPRIGHT:
        pixels = _UPRIGHT[orientation](cv2, pixels)
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def load(opened: Image.Image, data: bytes, orientation: int = 1, reduced: int = 1) -> Image.Image:
    """The same as decode() as a picture of mode RGB; `opened` is what Pillow made of the header."""
    _check(data)
    try:
        if reduced > 1:
            opened.draft(None, (opened.width // reduced, opened.height // reduced))
        opened.load()
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(_DAMAGED) from error
    image = opened if opened.mode == "RGB" else opened.convert("RGB")
    return image.transpose(_TRANSPOSED[orientation]) if orientation in _TRANSPOSED else image


def _check(data: bytes) -> None:
    """Raises ImageError for a JPEG that is cut off or made to take long."""
    scan = first_scan(data)
    # From the end, where the marker nearly always is.
    if scan is None or data.rfind(b"\xff\xd9", scan.begin) < 0:
        raise ImageError("The JPEG is cut off before its end: send the whole file.")
    if not scan.is_all and data.count(b"\xff\xda", scan.begin) > _MAX_SCANS:
        raise ImageError(
            f"The JPEG is sent in more than {_MAX_SCANS} passes, which no camera does: "
            "save it anew."
        )


class Scan(NamedTuple):
    """Where the first scan begins, and whether decoders read no other: it has all components, and
    all of their bits."""

    begin: int
    is_all: bool


def first_scan(data: bytes) -> Scan | None:
    """The first scan of a JPEG, None where the file ends before it.

    Decoders fill what is missing with grey and say nothing, so that a torn upload would be
    classified: the end-of-image marker has to be looked for. Inside a scan 0xFF is always stuffed,
    so a marker found there can only be a real one; a thumbnail's lie before it. Source: ITU-T
    T.81, B.1.1, B.2.2 and B.2.3.
    """
    position = 2
    components = 0  # of a frame that may be sent in one scan
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == _START_OF_SCAN:
            return Scan(position, position + 4 < len(data) and data[position + 4] == components)
        if marker in _SEQUENTIAL and position + 9 < len(data):
            components = data[position + 9]
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None
