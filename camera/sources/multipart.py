"""JPEGs out of a byte stream of parts, as cameras send them; knows no network.

The format is multipart/x-mixed-replace (RFC 2046, 5.1), as loosely as cameras write it: with and
without Content-Length, with boundaries that their header does not name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from camera.errors import CameraError
from camera.frame import Jpeg
from camera.jpeg import read_jpeg

# 8K in fine quality has half of it.
MAX_PICTURE_BYTES: Final = 16 * 2**20
_MAX_LINE: Final = 4096
_MAX_HEADERS: Final = 64
_READ: Final = 64 * 1024
# A camera that sends nothing else is broken; now and then one picture is torn.
_MAX_TORN: Final = 50


class Stream(Protocol):
    """Anything that gives what has come, rather than wait until a whole buffer is full."""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes, at least one; b'' at the end."""


def pictures(stream: Stream) -> Iterator[Jpeg]:
    """The whole pictures of a stream, one after the other, until it ends.

    Torn ones are left out. Raises CameraError where it holds something else, and whatever
    reading the stream raises.
    """
    torn = 0
    for part in _parts(stream):
        picture = read_jpeg(part)
        if picture is not None:
            torn = 0
            yield picture
            continue
        torn += 1
        if torn >= _MAX_TORN:
            raise CameraError(
                "The camera sends nothing but damaged pictures; restart it, or choose its MJPEG "
                "stream."
            )


def _parts(stream: Stream) -> Iterator[bytes]:
    buffered = _Buffered(stream)
    boundary = _first_boundary(buffered)
    while boundary is not None:
        length = _content_length(buffered)
        if length is None:
            return
        if length >= 0:
            body = buffered.exactly(length)
            if len(body) < length:
                return
            yield body
            boundary = _next_boundary(buffered, boundary)
        else:
            body, found = buffered.until(b"\r\n" + boundary)
            yield body
            if not found:
                return
            buffered.line()


def _first_boundary(buffered: _Buffered) -> bytes | None:
    """The line that begins every part, `--` and the boundary; None at the end of the stream."""
    for _ in range(_MAX_HEADERS):
        line = buffered.line()
        if line is None:
            return None
        if line.startswith(b"--"):
            return line
    raise CameraError("The address gives no stream of JPEG pictures; use the one of its MJPEG.")


def _next_boundary(buffered: _Buffered, boundary: bytes) -> bytes | None:
    """After a part of known length; what is between it and the boundary is left out."""
    while True:
        line = buffered.line()
        if line is None or line == boundary + b"--":
            return None
        if line.endswith(boundary):
            return boundary


def _content_length(buffered: _Buffered) -> int | None:
    """Reads the fields of a part; -1 where they do not give its length, None at the end."""
    length = -1
    for _ in range(_MAX_HEADERS):
        line = buffered.line()
        if line is None:
            return None
        if not line:
            return length
        name, _colon, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            length = int(value)
            if length > MAX_PICTURE_BYTES:
                raise CameraError(
                    f"The camera sends pictures of {length // 2**20} MB; choose a smaller size."
                )
    raise CameraError("The address gives no stream of JPEG pictures; use the one of its MJPEG.")


class _Buffered:
    """Reads what is there, never more than is needed for the next picture."""

    def __init__(self, stream: Stream) -> None:
        self._read = stream.read1
        self._bytes = bytearray()

    def line(self) -> bytes | None:
        """The next line without its end; None at the end of the stream."""
        while (end := self._bytes.find(b"\n")) < 0:
            if len(self._bytes) > _MAX_LINE or not self._more():
                return None
        line = bytes(self._bytes[:end])
        del self._bytes[: end + 1]
        return line.rstrip(b"\r")

    def exactly(self, count: int) -> bytes:
        """So many bytes, fewer at the end of the stream."""
        while len(self._bytes) < count and self._more():
            pass
        data = bytes(self._bytes[:count])
        del self._bytes[:count]
        return data

    def until(self, mark: bytes) -> tuple[bytes, bool]:
        """What is before the mark, which is read too, and whether there was one."""
        start = 0
        while (end := self._bytes.find(mark, start)) < 0:
            start = max(0, len(self._bytes) - len(mark))
            if len(self._bytes) > MAX_PICTURE_BYTES:
                raise CameraError("The camera's pictures do not end; choose its MJPEG stream.")
            if not self._more():
                data, self._bytes = bytes(self._bytes), bytearray()
                return data, False
        data = bytes(self._bytes[:end])
        del self._bytes[: end + len(mark)]
        return data, True

    def _more(self) -> bool:
        data = self._read(_READ)
        self._bytes += data
        return bool(data)
