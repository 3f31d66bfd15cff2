"""A request as cheroot answers it once it is there: with an id, and with one line in the log.

The line is written when the request is over, whoever answered it and however it ended; a stream's
has its whole duration and size.
"""

from __future__ import annotations

import contextlib
import email.utils
import re
import time
from functools import lru_cache
from typing import Any, Final

from cheroot.server import ChunkedRFile, HTTPRequest

from edge_server import request_context
from edge_server.http.intake import Head
from edge_server.http.refusal import ID_HEADER, Refusal
from edge_server.http.request_line import log_line
from edge_server.streaming import Streamed

# An address without what has to be taken apart with care: escapes, a host, a fragment.
_USUAL_LINE: Final = re.compile(
    rb"([A-Z]{1,16}) (/(?:[^\s/?#%][^\s?#%]*)?)(?:\?([^\s#]*))? (HTTP/1\.[01])"
)
_ID_FIELD: Final = ID_HEADER.lower().encode()
# Seconds that a connection may wait for its next request.
KEEP_ALIVE: Final = 10.0


class Request(HTTPRequest):
    """A request. What is wrong with it before the application sees it is said as there: in JSON."""

    def __init__(self, server: Any, connection: Any) -> None:
        super().__init__(server, connection)
        connection.request = self
        self.context = request_context.current() or request_context.RequestContext()
        self.begun = connection.arrived
        self.refused = 0  # with which status, where it was before or in place of the application
        self.bytes_out = 0
        self._left = 0  # of the length that the answer's head has said
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
        """By their names in small letters; without Expect, which is answered already, and X_Y,
        which would pass for X-Y."""
        self.inheaders = {
            name: values[0] if len(values) == 1 else b", ".join(values)
            for name, values in head.fields.items()
            if name != b"expect" and b"_" not in name
        }
        wish = self.inheaders.get(b"connection", b"").lower()
        is_1_1 = self.response_protocol == "HTTP/1.1"
        self.close_connection = wish == b"close" if is_1_1 else wish != b"keep-alive"
        self.chunked_read = b"transfer-encoding" in self.inheaders
        sent_id = self.inheaders.get(_ID_FIELD)
        if sent_id is not None:
            self.context.take_over(sent_id.decode("latin-1"))

    def respond(self) -> None:
        """As cheroot, and remembers whether the client or the application left in the middle."""
        try:
            # A body of known length is here, and all that is.
            reader = ChunkedRFile(self.conn.rfile, 0) if self.chunked_read else self.conn.rfile
            self.rfile = reader
            self.server.gateway(self).respond()
            if self.chunked_write:
                self.conn.wfile.write(b"0\r\n\r\n")
            elif self._left and self.method != b"HEAD":
                self.close_connection = True  # or the client would wait for the rest
            self.conn.wfile.flush()
        except BaseException:
            self.aborted = True
            self._drop_stream()
            raise
        if self.streamed and (self.method == b"HEAD" or int(self.status[:3]) != 200):
            self._drop_stream()

    def send_headers(self) -> None:
        """As cheroot, with the id; they go out together with the beginning of the body."""
        said = {name.lower(): value for name, value in self.outheaders}
        status = int(self.status[:3])
        is_1_1 = self.response_protocol == "HTTP/1.1"
        more = [(ID_HEADER, self.context.id)]
        if "date" not in said:
            more.append(("Date", _date(int(time.time()))))
        if status == 413:
            self.close_connection = True  # the client may be sending still
        elif "content-length" in said:
            self._left = int(said["content-length"])
        elif status not in (204, 304):
            self.chunked_write = is_1_1 and self.method != b"HEAD"
            if self.chunked_write:
                more.append(("Transfer-Encoding", "chunked"))
            else:
                self.close_connection = True  # nothing else says where the body ends
        if "connection" in said:
            pass
        elif self.close_connection:
            more.append(("Connection", "close"))
        elif not is_1_1:
            more += [("Connection", "Keep-Alive"), ("Keep-Alive", f"timeout={KEEP_ALIVE:.0f}")]
        fields = "".join([f"{name}: {value}\r\n" for name, value in (*self.outheaders, *more)])
        head = f"HTTP/1.1 {self.status}\r\nServer: {self.server.server_name}\r\n{fields}\r\n"
        self.conn.wfile.hold_next()
        self.conn.wfile.write(head.encode("latin-1"))

    def write(self, chunk: bytes) -> None:
        """As cheroot, and counts; more than was said to come would pass for the next answer."""
        self._left -= len(chunk)
        if self._left < 0 and not self.chunked_write and not self.close_connection:
            raise ValueError("the answer is longer than its Content-Length says")
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
        """Bytes of the body; of a chunked one those that were read, with its framing."""
        if isinstance(self.rfile, ChunkedRFile):
            return int(self.rfile.bytes_read)
        return int(getattr(self, "inheaders", {}).get(b"content-length", 0))


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return email.utils.formatdate(second, usegmt=True)
