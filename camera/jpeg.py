"""RGB pixels -> JPEG bytes, and what a camera's JPEG says of itself; knows no viewers."""

from __future__ import annotations

import struct
from typing import Final

from camera.errors import CameraError
from camera.frame import Jpeg, Pixels
from camera.sources.opencv import load_cv2

_START: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
# Start of frame, of every process but those that are not of pictures (ITU-T T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN: Final = 0xDA


def read_jpeg(data: bytes) -> Jpeg | None:
    """A whole JPEG with its size, by its markers alone; None where it is torn or something else.

    What follows its end, as some cameras pad their pictures, is cut off.
    """
    size = None
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
        if marker == _SCAN:
            end = data.rfind(_END, position)
            return Jpeg(data[: end + 2], size) if size and all(size) and end > 0 else None
        position += 2 + length
    return None


def encode_rgb(pixels: Pixels, quality: int = 80) -> bytes:
    """A baseline JPEG of uint8 (H, W, 3) RGB pixels; quality 1..100.

    It holds no EXIF and so no thumbnail: clients that look for the first end-of-image marker
    would cut the picture there. Raises CameraError where OpenCV is absent or refuses.
    """
    cv2 = load_cv2()
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        height, width = pixels.shape[:2]
        raise CameraError(
            f"A picture of {width}x{height} can't be written as JPEG; choose a smaller size."
        )
    return bytes(encoded.tobytes())
