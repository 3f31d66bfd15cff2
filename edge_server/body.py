"""Bodies of requests and answers as they go over the wire: their limit, gzip and deflate."""

from __future__ import annotations

import io
import time
from typing import IO, Any, Final

from flask import Request, Response, request
from werkzeug.datastructures import Accept
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_accept_header
from werkzeug.utils import cached_property

from edge_server.compression import ENCODINGS, WORTH_BYTES, deflate, inflate
from edge_server.deadline import TURN
from edge_server.line import NO_TURN, Turn

# Key of the WSGI environment of our own server: the body is here already, and within the limit.
IN_MEMORY: Final = "edge_server.in_memory"
# Pictures and streams are compressed already.
_WORTH_TYPES: Final = ("application/json", "application/octet-stream", "text/", "image/svg+xml")


class InflatingRequest(Request):
    """A request whose body reads as if it had never been compressed, within the same limit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # When its answer was begun, or its wait for that, on time.perf_counter()'s clock.
        turn: Turn = self.environ.get(TURN, NO_TURN)
        self.began = time.perf_counter() - turn.waited

    @cached_property
    def stream(self) -> IO[bytes]:
        stream = super().stream
        encoding = self.headers.get("Content-Encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return stream
        data = _within_limit(self, stream.read())
        return io.BytesIO(inflate(data, encoding, limit=self.max_content_length or 0))


def read() -> bytes:
    """The whole body of the request at hand. Raises what HTTP says of one that is too large."""
    environ = request.environ
    if environ.get(IN_MEMORY) and "HTTP_CONTENT_ENCODING" not in environ:
        data: bytes = environ["wsgi.input"].read()
        return data
    return _within_limit(request, request.get_data(cache=False))


def _within_limit(request_: Request, data: bytes) -> bytes:
    if request_.content_length is None and len(data) >= (request_.max_content_length or 0):
        # Of a body whose length is not said beforehand, the rest was left unread.
        raise RequestEntityTooLarge
    return data


def compress(response: Response, accepted: str) -> None:
    """Compress an answer that is worth it, in the way that its client prefers; `accepted` is the
    value of the request's Accept-Encoding."""
    kind = response.headers.get("Content-Type", "")
    if not kind.startswith(_WORTH_TYPES) or response.is_streamed:
        return
    if "Vary" in response.headers:
        response.vary.add("Accept-Encoding")
    else:
        response.headers.add("Vary", "Accept-Encoding")
    if not accepted or (response.content_length or 0) < WORTH_BYTES or response.content_encoding:
        return
    encoding = parse_accept_header(accepted, Accept).best_match((*ENCODINGS, "identity"))
    if encoding in ENCODINGS:
        response.set_data(deflate(response.get_data(), encoding))
        response.content_encoding = encoding
