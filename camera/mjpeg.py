"""The multipart framing of MJPEG over HTTP, as pure functions; knows nothing of cameras.

The boundary stands AFTER each picture: Chrome shows a picture only when the next boundary comes,
so a boundary before it would delay each one by a frame (as in pikvm/ustreamer).
"""

from __future__ import annotations

BOUNDARY = "edge-camera-frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
_DELIMITER = f"--{BOUNDARY}\r\n".encode("ascii")


def preamble() -> bytes:
    """What stands before the first picture."""
    return _DELIMITER


def part(jpeg: bytes, timestamp: float) -> bytes:
    """One picture, headers before and boundary behind it; `timestamp` in Unix seconds."""
    headers = (
        "Content-Type: image/jpeg\r\n"
        f"Content-Length: {len(jpeg)}\r\n"
        f"X-Timestamp: {timestamp:.6f}\r\n\r\n"
    )
    return b"".join((headers.encode("ascii"), jpeg, b"\r\n", _DELIMITER))
