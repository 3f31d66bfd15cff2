"""cheroot's requests as this server has them: each with an id and one line in the log.

The line is written when the request is over, whoever answered it and however it ended; a stream's
has its whole duration and size.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import Any, Final
from urllib.parse import quote

from cheroot.server import ChunkedRFile, HTTPConnection, HTTPRequest, KnownLengthRFile

from edge_server import request_context
from edge_server.logs import fields

_log = logging.getLogger(__name__)

ID_HEADER: Final = "X-Request-ID"
_LONGEST_PATH: Final = 256
_LONGEST_METHOD: Final = 16

_SENTENCES: Final = {
    "408": "The request did not come to its end in time: send it again.",
    "413": "The request is far over the limit of this server: send a smaller image or fewer.",
    "414": "The address of the request is too long: send images in the body.",
    "500": "The server made a mistake: its log says more.",
}


class Request(HTTPRequest):
    """A request. What is wrong with it before the application sees it is said as there: in JSON."""

    def __init__(self, server: Any, connection: Any) -> None:
        super().__init__(server, connection)
        connection.request = self
        self.context = request_context.current() or request_context.RequestContext()
        self.begun = time.perf_counter()
        self.refused = 0  # with which status, where it was before or in place of the application
        self.bytes_out = 0
        self.aborted = False

    def read_request_line(self) -> bool:
        """As cheroot; a client that keeps a connection open without a word is no slow request."""
        cheroot: Any = super()
        good: bool = cheroot.read_request_line()
        self.begun = time.perf_counter()
        return good

    def read_request_headers(self) -> bool:
        """As cheroot, and takes the client's id over."""
        cheroot: Any = super()
        good: bool = cheroot.read_request_headers()
        sent = self.inheaders.get(ID_HEADER.title().encode(), b"")
        self.context.take_over(sent.decode("latin-1"))
        return good

    def respond(self) -> None:
        """As cheroot, and remembers whether the client or the application left in the middle."""
        try:
            super().respond()
        except BaseException:
            self.aborted = True
            raise

    def send_headers(self) -> None:
        """As cheroot, with the id."""
        self.outheaders.append((ID_HEADER.encode(), self.context.id.encode()))
        super().send_headers()

    def write(self, chunk: bytes) -> None:
        """As cheroot, and counts."""
        super().write(chunk)
        self.bytes_out += len(chunk)

    def simple_response(self, status: int | str, msg: str = "") -> None:
        """An answer in JSON that ends the connection."""
        number = str(status)[:3]
        self.refused = int(number)
        sentence = _SENTENCES.get(number, f"The request is not valid HTTP ({msg or status}).")
        body = json.dumps({"error": sentence}).encode()
        head = (
            f"{self.server.protocol} {status}\r\nContent-Type: application/json\r\n"
            f"{ID_HEADER}: {self.context.id}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.close_connection = True
        with contextlib.suppress(OSError):  # nobody is left to read it
            self.conn.wfile.write(head.encode() + body)
            self.bytes_out += len(body)

    def log(self) -> None:
        """Write the line, if anything was asked."""
        status = self.refused or int(self.status[:3] or (500 if self.aborted else 0))
        if not status or (status == 408 and not self.started_request):
            return
        told = fields(
            client=self.conn.remote_addr,
            # Never the query, which may hold what nobody else should read.
            method=_short(getattr(self, "method", b""), _LONGEST_METHOD),
            path=_short(getattr(self, "path", b""), _LONGEST_PATH),
            status=status,
            ms=round((time.perf_counter() - self.begun) * 1e3, 1),
            bytes_in=self._bytes_in(),
            bytes_out=self.bytes_out,
            **({"aborted": True} if self.aborted else {}),
            **self.context.noted,
        )
        _log.log(logging.WARNING if status >= 500 else logging.INFO, "request", extra=told)

    def _bytes_in(self) -> int:
        """Bytes of the body that were read; of a chunked one with its framing."""
        if isinstance(self.rfile, KnownLengthRFile):
            return int(self.inheaders.get(b"Content-Length", 0)) - int(self.rfile.remaining)
        return int(self.rfile.bytes_read) if isinstance(self.rfile, ChunkedRFile) else 0


class Connection(HTTPConnection):
    """A connection whose requests are logged."""

    RequestHandlerClass = Request
    request: Request | None = None

    def communicate(self) -> bool:
        """As cheroot: one request, from its first byte to the last of its answer."""
        self.request = None
        with request_context.begin():
            try:
                cheroot: Any = super()
                goes_on: bool = cheroot.communicate()
                return goes_on
            finally:
                if self.request is not None:
                    self.request.log()


def _short(text: bytes, longest: int) -> str | None:
    """ASCII without spaces, as in an address; None for nothing."""
    quoted = quote(text, safe="/:@!$&'()*+,;~")
    return quoted[:longest] + ("..." if len(quoted) > longest else "") or None
