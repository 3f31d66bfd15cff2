"""The way from a route that streams to its viewer's connection, through the WSGI environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from camera.viewers import Link

# What makes an answer a stream, and gives the way to its viewer.
BEGIN_STREAM: Final = "edge_server.begin_stream"


class Parts(Protocol):
    """What a stream consists of; see camera.feed."""

    due: float

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""

    def next(self) -> bytes | None:
        """The next part, when the last has been sent; None where it is not yet time."""


@dataclass(frozen=True)
class Streamed:
    """An answer that goes on after the application has answered.

    preamble  what stands before the first part
    heard     calls what it is given when there may be something new, while it lasts
    end       to be called when the stream is over, whoever ended it
    """

    preamble: bytes
    parts: Parts
    heard: Callable[[Callable[[], None]], AbstractContextManager[None]]
    end: Callable[[], None]


def begin(environ: Mapping[str, Any], streamed: Streamed) -> Link | None:
    """The answer's body is this; None where the server that answers is not ours, and sends what
    the answer says."""
    start: Callable[[Streamed], Link] | None = environ.get(BEGIN_STREAM)
    return start(streamed) if start is not None else None
