"""The way from a route that streams to its viewer's connection, through the WSGI environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from camera.viewers import Link

# What makes an answer a stream, and gives the way to its viewer.
BEGIN_STREAM: Final = "edge_server.begin_stream"


def begin(environ: Mapping[str, Any]) -> Link | None:
    """From now on the answer is a stream; None where the server that answers is not ours."""
    start: Callable[[], Link] | None = environ.get(BEGIN_STREAM)
    return start() if start is not None else None
