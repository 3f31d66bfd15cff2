"""The bytes of one connection as they come: where a request ends, and what is wrong with it.

Never waits, and knows no sockets. Strict where two readers of one request could differ about
where it ends (RFC 9112, sections 2.2, 5, 6 and 11.2): such requests are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge_server.http.refusal import Refusal

_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH: Final = re.compile(rb"[0-9]{1,15}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?")
# Sizes and line ends of chunks, and fields after them, come on top of what they hold.
_FRAMING: Final = 64 * 1024
_MAX_CHUNK_LINE: Final = 1024


@dataclass(frozen=True)
class Limits:
    """What one request may hold. Sizes in bytes."""

    body: int
    address: int = 8 * 1024
    head: int = 32 * 1024
    fields: int = 100


@dataclass(frozen=True)
class Head:
    """The head of a request: its first line, its fields by their names in small letters, and its
    length with the empty line at its end."""

    request_line: bytes
    fields: dict[bytes, list[bytes]]
    length: int


class Intake:
    """Collects the bytes of a connection and cuts them into requests."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # What came in one piece stays as it came: a picture is not copied for nothing.
        self._bytes: bytes | bytearray = b""
        self._begin_anew()

    def _begin_anew(self) -> None:
        # Where the head ends, 0 until it is there; the body's length, or where its chunks were
        # read to.
        self._head_end = 0
        self._length: int | None = 0
        self._position = 0
        self._chunked_size = 0
        self._in_trailer = False
        self._seen = 0
        self.expects_continue = False
        # Of a request that is refused, as far as its head could be read.
        self.method = self.path = self.sent_id = b""
        self._request_line = b""
        self._fields: dict[bytes, list[bytes]] = {}

    def __len__(self) -> int:
        """Bytes that are held."""
        return len(self._bytes)

    @property
    def has_head(self) -> bool:
        """Whether the head is complete, so that what is waited for is the body."""
        return self._head_end > 0

    def add(self, data: bytes) -> None:
        """Bytes that came."""
        if not self._bytes:
            # Some clients end a body with a line end of their own.
            self._bytes = data.lstrip(b"\r\n")
            return
        if isinstance(self._bytes, bytes):
            self._bytes = bytearray(self._bytes)
        self._bytes += data

    def is_complete(self) -> bool:
        """Whether a whole request is there. Raises Refusal for what is none, or too much."""
        if not self._head_end and not self._find_head():
            return False
        if self._length is None:
            return self._find_last_chunk()
        return len(self._bytes) >= self._head_end + self._length

    def take(self) -> tuple[Head, bytes]:
        """The request that is complete, its head and all of it as it came; what came after it
        stays."""
        end = self._position if self._length is None else self._head_end + self._length
        with memoryview(self._bytes) as view:
            request = bytes(self._bytes) if end == len(view) else bytes(view[:end])
            rest = bytes(view[end:])
        head = Head(self._request_line, self._fields, self._head_end)
        self._bytes = rest.lstrip(b"\r\n")
        self._begin_anew()
        return head, request

    def _find_head(self) -> bool:
        limits = self._limits
        line_end = self._bytes.find(b"\n", 0, limits.address + 1)
        if line_end < 0 and len(self._bytes) > limits.address:
            self._name(bytes(self._bytes[: limits.address]))
            raise Refusal(414, "The address of the request is too long: send images in the body.")
        end = self._bytes.find(b"\r\n\r\n", max(0, self._seen - 3))
        self._seen = len(self._bytes)
        if end > limits.head or (end < 0 and len(self._bytes) > limits.head):
            raise Refusal(431, f"The headers are over the limit of {limits.head // 1024} KiB.")
        if end < 0:
            if line_end > 0 and self._bytes[line_end - 1 : line_end] != b"\r":
                raise Refusal(400, "The request is not valid HTTP: its lines must end with CR LF.")
            return False
        self._read_head(bytes(self._bytes[:end]))
        self._head_end = self._position = end + 4
        return True

    def _read_head(self, head: bytes) -> None:
        request_line, *lines = head.split(b"\r\n")
        self._name(request_line)
        if len(lines) > self._limits.fields:
            raise Refusal(431, f"{len(lines)} headers are over the limit of {self._limits.fields}.")
        found: dict[bytes, list[bytes]] = {}
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise Refusal(400, "The request is not valid HTTP: a header can't be read.")
            found.setdefault(field[1].lower(), []).append(field[2].rstrip(b" \t"))
        self.sent_id = found.get(b"x-request-id", [b""])[0]
        is_1_0 = request_line.endswith(b"HTTP/1.0")
        hosts = len(found.get(b"host", ()))
        if hosts > 1 or (hosts == 0 and request_line.endswith(b"HTTP/1.1")):
            raise Refusal(400, "The request is not valid HTTP: it needs one Host header.")
        self._request_line, self._fields = request_line, found
        self._read_framing(found, is_1_0)
        expected = b"".join(found.get(b"expect", ())).lower()
        if expected not in (b"", b"100-continue"):
            raise Refusal(417, "Of Expect, only 100-continue is understood.")
        self.expects_continue = expected != b"" and not is_1_0

    def _name(self, request_line: bytes) -> None:
        words = request_line.split(b" ", 2)
        if len(words) > 1:
            self.method, self.path = words[0], words[1].partition(b"?")[0]

    def _read_framing(self, found: dict[bytes, list[bytes]], is_1_0: bool) -> None:
        lengths = found.get(b"content-length", [])
        codings = found.get(b"transfer-encoding", [])
        if len(lengths) > 1 or (lengths and codings) or (codings and is_1_0):
            raise Refusal(400, "The request is not valid HTTP: it gives its length twice.")
        if codings:
            if [coding.lower() for coding in codings] != [b"chunked"]:
                raise Refusal(501, "Of Transfer-Encoding, only chunked is understood.")
            self._length = None
        elif lengths:
            if not _LENGTH.fullmatch(lengths[0]):
                raise Refusal(400, "The request is not valid HTTP: Content-Length is no number.")
            self._length = int(lengths[0])
            if self._length > self._limits.body:
                raise self._too_large()

    def _find_last_chunk(self) -> bool:
        """Goes from chunk to chunk as far as they are there; true after the last one."""
        if len(self._bytes) - self._head_end > 2 * self._limits.body + _FRAMING:
            raise self._too_large()
        while (line := self._chunk_line()) is not None:
            after = self._position + len(line) + 2
            if self._in_trailer:
                self._position = after
                if not line:
                    return True
                continue
            match = _CHUNK_SIZE.fullmatch(line)
            if match is None:
                raise Refusal(400, "The request is not valid HTTP: a chunk's size is no number.")
            size = int(match[1], 16)
            if self._chunked_size + size > self._limits.body:
                raise self._too_large()
            if size == 0:
                self._in_trailer = True
                self._position = after
                continue
            end = after + size
            if len(self._bytes) < end + 2:
                return False
            if self._bytes[end : end + 2] != b"\r\n":
                raise Refusal(400, "The request is not valid HTTP: a chunk is not of its size.")
            self._chunked_size += size
            self._position = end + 2
        return False

    def _chunk_line(self) -> bytes | None:
        """The line at the position, without its end; None while that is not there."""
        limit = self._position + _MAX_CHUNK_LINE
        end = self._bytes.find(b"\r\n", self._position, limit)
        if end < 0 and len(self._bytes) >= limit:
            raise Refusal(400, "The request is not valid HTTP: a chunk's size is too long.")
        return bytes(self._bytes[self._position : end]) if end >= 0 else None

    def _too_large(self) -> Refusal:
        return Refusal(
            413,
            f"The request is over the limit of {self._limits.body // 2**20} MiB: "
            "send a smaller image or fewer of them.",
        )
