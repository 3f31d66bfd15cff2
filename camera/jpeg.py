"""RGB pixels <-> JPEG bytes, and what a camera's JPEG says of itself; knows no viewers."""

from __future__ import annotations

import io
import re
import struct
import sys
import time
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from camera import strips
from camera.errors import CameraError
from camera.frame import Jpeg, Pixels
from camera.huffman import STANDARD_TABLES

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
# Start of frame, of every process but those that are not of pictures (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN: Final = 0xDA
_APPLICATION: Final = range(0xE0, 0xF0)
_DAMAGED: Final = "The camera sent a damaged picture; the next one may be whole."
_TABLES: Final = 0xC4
# Those whose tables Motion JPEG may leave out: baseline and extended sequential.
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
# A scheduler lets a thread that computes go on for milliseconds, whoever has come to wait: strips
# of so many pixels take less, and so short a pause ends its turn. Seconds.
_STRIP_PIXELS: Final = 2**17
_PAUSE: Final = 5e-5
_LONGEST_SIDE: Final = 65_500  # of a JPEG, as encoders have it
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


def without_thumbnail(data: bytes) -> bytes:
    """A JPEG without a second one in its head, in its place zeros.

    Clients that look for the first end-of-image marker would cut the picture at the thumbnail's.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker, length = struct.unpack_from(">xBH", data, position)
        if marker in (_SCAN, 0xFF):
            break
        begin = data.find(_START, position + 4, position + 2 + length)
        if marker in _APPLICATION and begin >= 0:
            end = data.rfind(_END, begin, position + 2 + length)
            end = end + 2 if end >= 0 else position + 2 + length
            return without_thumbnail(data[:begin] + bytes(end - begin) + data[end:])
        position += 2 + length
    return data


def decode_reduced(data: bytes, width: int | None = None) -> Pixels:
    """Upright RGB pixels of a JPEG, as small as it is decoded with less work, not below `width`.

    Raises CameraError where it is damaged.
    """
    cv2 = _loaded_cv2()
    try:
        if cv2 is not None:
            return _decode_with_cv2(cv2, data, width)
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if width is not None:
                image.draft("RGB", (width, 1))
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CameraError(_DAMAGED) from error


def _decode_with_cv2(cv2: Any, data: bytes, width: int | None) -> Pixels:
    flag = cv2.IMREAD_COLOR
    parsed = read_jpeg(data)
    if width is not None and parsed is not None:
        # Halves, quarters and eighths come out of the JPEG itself.
        for scale in (2, 4, 8):
            if -(-parsed.size[0] // scale) >= width:
                flag = getattr(cv2, f"IMREAD_REDUCED_COLOR_{scale}")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    if pixels is None:
        raise CameraError(_DAMAGED)
    rgb: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
    return rgb


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """RGB pixels made smaller to (width, height), each the mean of those that it stands for."""
    cv2 = _loaded_cv2()
    if cv2 is not None:
        resized: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return resized
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def encode_rgb(pixels: Pixels, quality: int = 80) -> bytes:
    """A baseline JPEG of uint8 (H, W, 3) RGB pixels; quality 1..100. It holds no thumbnail.

    A large one is made strip by strip, and whoever waits for the processor has it in between.

    Raises CameraError where it is too large for a JPEG.
    """
    height, width = pixels.shape[:2]
    rows = max(1, _STRIP_PIXELS // width // strips.ROWS) * strips.ROWS
    if height <= rows + strips.ROWS or max(height, width) > _LONGEST_SIDE:
        return _encoded(pixels, quality)
    encoded: list[bytes] = []
    for top in range(0, height, rows):
        if encoded:
            time.sleep(_PAUSE)
        encoded.append(_encoded(pixels[top : top + rows], quality))
    return strips.joined(encoded, height)


def _encoded(pixels: Pixels, quality: int) -> bytes:
    cv2 = _loaded_cv2()
    try:
        if cv2 is None:
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
            return stream.getvalue()
        bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
        done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            return bytes(encoded.tobytes())
    except (OSError, ValueError):
        pass
    height, width = pixels.shape[:2]
    raise CameraError(
        f"A picture of {width}x{height} can't be written as JPEG; choose a smaller size."
    )


def _loaded_cv2() -> Any:
    """OpenCV, where something else has loaded it, else None: to load it takes 16 MB.

    OpenCV encodes in five sixths of the time, and other threads go on meanwhile.
    """
    cv2 = sys.modules.get("cv2")
    return cv2 if hasattr(cv2, "imencode") else None
