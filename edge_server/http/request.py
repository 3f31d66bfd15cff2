"""A request as cheroot answers it once it is there: with an id, and with one line in the log.

The line is written when the request is over, whoever answered it and however it ended; a stream's
has its whole duration and size.
"""

from __future__ import annotations

import contextlib
import email.utils
import logging
import re
import sys
import time
from functools import cache, lru_cache
from typing import Any, Final
from urllib.parse import quote

from cheroot.server import ChunkedRFile, HTTPRequest, KnownLengthRFile
from cheroot.wsgi import Gateway_10

from edge_server import request_context
from edge_server.body import IN_MEMORY
from edge_server.deadline import ARRIVED, IS_GONE
from edge_server.http.intake import Head
from edge_server.http.refusal import ID_HEADER, Refusal
from edge_server.logs import fields
from edge_server.streaming import BEGIN_STREAM, Streamed

_log = logging.getLogger(__name__)

# An address without what has to be taken apart with care: escapes, a host, a fragment.
_USUAL_LINE: Final = re.compile(
    rb"([A-Z]{1,16}) (/(?:[^\s/?#%][^\s?#%]*)?)(?:\?([^\s#]*))? (HTTP/1\.[01])"
)
_LONGEST_PATH: Final = 256
_LONGEST_METHOD: Final = 16


class Request(HTTPRequest):
    """A request. What is wrong with it before the application sees it is said as there: in JSON."""

    def __init__(self, server: Any, connection: Any) -> None:
        super().__init__(server, connection)
        connection.request = self
        self.context = request_context.current() or request_context.RequestContext()
        self.begun = connection.arrived
        self.refused = 0  # with which status, where it was before or in place of the application
        self.bytes_out = 0
        self.aborted = False
        self.streamed: Streamed | None = None  # what follows the head that respond() has sent

    def parse_request(self) -> None:
        """As cheroot, of what is here, within the limits and known to be well formed."""
        head, self.rfile = self.conn.head, self.conn.rfile
        usual = _USUAL_LINE.fullmatch(head.request_line)
        if usual is not None:
            self.method, self.path, query, self.request_protocol = usual.groups()
            self.uri, self.qs, self.authority = head.request_line.split(b" ")[1], query or b"", b""
            self.response_protocol = self.request_protocol.decode("ascii")
        else:
            cheroot: Any = self
            if not cheroot.read_request_line():
                return
        self.rfile.seek(head.length)
        self._read_fields(head)
        self.started_request = self.ready = True

    def _read_fields(self, head: Head) -> None:
        """Without Expect, which is answered already, and X_Y, which would pass for X-Y."""
        self.inheaders = {
            name.title(): b", ".join(values)
            for name, values in head.fields.items()
            if name != b"expect" and b"_" not in name
        }
        wish = self.inheaders.get(b"Connection", b"").lower()
        is_1_1 = self.response_protocol == "HTTP/1.1"
        self.close_connection = wish == b"close" if is_1_1 else wish != b"keep-alive"
        self.chunked_read = b"Transfer-Encoding" in self.inheaders
        self.context.take_over(
            self.inheaders.get(ID_HEADER.title().encode(), b"").decode("latin-1")
        )

    def respond(self) -> None:
        """As cheroot, and remembers whether the client or the application left in the middle."""
        try:
            super().respond()
            self.conn.wfile.flush()
        except BaseException:
            self.aborted = True
            self._drop_stream()
            raise
        if self.streamed and (self.method == b"HEAD" or int(self.status[:3]) != 200):
            self._drop_stream()

    def send_headers(self) -> None:
        """As cheroot, with the id; they go out together with the beginning of the body."""
        self.outheaders.append((ID_HEADER.encode(), self.context.id.encode()))
        self.outheaders.append((b"Date", _date(int(time.time()))))
        self.conn.wfile.hold_next()
        super().send_headers()

    def write(self, chunk: bytes) -> None:
        """As cheroot, and counts."""
        super().write(chunk)
        self.bytes_out += len(chunk)

    def begin_stream(self, streamed: Streamed) -> Any:
        """The answer is a stream: its parts go out as they are, until the connection ends.

        Gives the connection. No thread waits for the viewer: see streams.py. Without chunks around
        the parts, which simple viewers take for pictures, and which would be a copy of every part
        for every viewer.
        """
        self.response_protocol = "HTTP/1.0"
        self.close_connection = True
        self.outheaders.append((b"Connection", b"close"))
        self.streamed = streamed
        return self.conn

    def _drop_stream(self) -> None:
        """Nothing follows the head."""
        streamed, self.streamed = self.streamed, None
        if streamed is not None:
            streamed.end()

    def simple_response(self, status: int | str, msg: str = "") -> None:
        """An answer in JSON that ends the connection."""
        self.refused = int(str(status)[:3])
        method: bytes = getattr(self, "method", b"")
        self.server.count_refused(method.decode("latin-1"), self.refused)
        sentence = f"The request is not valid HTTP ({(msg or str(status)).rstrip('.')})."
        if self.refused == 500:
            sentence = "The server made a mistake: its log says more."
        self.close_connection = True
        with contextlib.suppress(OSError):  # nobody is left to read it
            refusal = Refusal(self.refused, sentence)
            self.conn.wfile.write(refusal.to_bytes(self.context.id))
            self.conn.wfile.flush()
            self.bytes_out += len(refusal.body)

    def log(self) -> None:
        """Write the line, if anything was asked."""
        status = self.refused or int(self.status[:3] or (500 if self.aborted else 0))
        if status:
            log_line(
                status,
                client=self.conn.remote_addr,
                method=getattr(self, "method", b""),
                path=getattr(self, "path", b""),
                since=self.begun,
                bytes_in=self._bytes_in(),
                bytes_out=self.bytes_out,
                routine=self.context.routine,
                **({"aborted": True} if self.aborted else {}),
                **self.context.noted,
            )

    def _bytes_in(self) -> int:
        """Bytes of the body that were read; of a chunked one with its framing."""
        if isinstance(self.rfile, KnownLengthRFile):
            return int(self.inheaders.get(b"Content-Length", 0)) - int(self.rfile.remaining)
        return int(self.rfile.bytes_read) if isinstance(self.rfile, ChunkedRFile) else 0


class Gateway(Gateway_10):
    """Tells the application, besides what WSGI does, when a request came and whether it is over."""

    def __init__(self, req: Any) -> None:
        super().__init__(req)
        self.env |= {
            ARRIVED: req.conn.arrived,
            IS_GONE: req.conn.is_gone,
            IN_MEMORY: True,
            BEGIN_STREAM: req.begin_stream,
        }

    def get_environ(self) -> Any:
        """As cheroot, with less work for each request."""
        req = self.req
        env: dict[str, Any] = {
            **_constant_environ(req.server.software),
            "ACTUAL_SERVER_PROTOCOL": req.server.protocol,
            "PATH_INFO": req.path.decode("latin-1"),
            "QUERY_STRING": req.qs.decode("latin-1"),
            "REMOTE_ADDR": req.conn.remote_addr,
            "REMOTE_PORT": str(req.conn.remote_port),
            "REQUEST_METHOD": req.method.decode("latin-1"),
            "REQUEST_URI": req.uri.decode("latin-1"),
            "SERVER_NAME": req.server.server_name,
            "SERVER_PORT": str(req.server.bind_addr[1]),
            "SERVER_PROTOCOL": req.request_protocol.decode("latin-1"),
            "wsgi.input": req.rfile,
            "wsgi.input_terminated": bool(req.chunked_read),
            "wsgi.url_scheme": req.scheme.decode("latin-1"),
        }
        for name, value in req.inheaders.items():
            env[_variable(name)] = value.decode("latin-1")
        env.update(req.conn.ssl_env or {})
        return env

    def start_response(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        """As cheroot, with less work for an answer that begins once."""
        if self.started_response or error:
            cheroot: Any = super()
            return cheroot.start_response(status, headers, *error)
        self.started_response = True
        self.req.status = status.encode("latin-1")
        for name, value in headers:
            if name.lower() == "content-length":
                self.remaining_bytes_out = int(value)
            self.req.outheaders.append((name.encode("latin-1"), value.encode("latin-1")))
        return self.write


@cache
def _constant_environ(software: str) -> dict[str, Any]:
    return {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": software,
        "wsgi.errors": sys.stderr,
        "wsgi.multiprocess": False,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }


@lru_cache(maxsize=256)
def _variable(header: bytes) -> str:
    """A header's name in the environment (RFC 3875, 4.1)."""
    name = header.decode("latin-1").upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return email.utils.formatdate(second, usegmt=True).encode("ascii")


def log_line(
    status: int,
    *,
    client: str,
    method: bytes,
    path: bytes,
    since: float,
    bytes_in: int,
    bytes_out: int,
    routine: bool = False,
    **more: Any,
) -> None:
    """One request's line. `since` is when it was there, on time.monotonic()'s clock."""
    level = logging.DEBUG if routine else logging.INFO
    level = logging.WARNING if status >= 500 else level
    if not _log.isEnabledFor(level):
        return
    told = fields(
        client=client,
        # Never the query, which may hold what nobody else should read.
        method=_short(method, _LONGEST_METHOD),
        path=_short(path, _LONGEST_PATH),
        status=status,
        ms=round((time.monotonic() - since) * 1e3, 1),
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        **more,
    )
    _log.log(level, "request", extra=told)


def _short(text: bytes, longest: int) -> str | None:
    """ASCII without spaces, as in an address; None for nothing."""
    quoted = quote(text, safe="/:@!$&'()*+,;~")
    return quoted[:longest] + ("..." if len(quoted) > longest else "") or None
