"""What ustreamer answers at /state: https://github.com/pikvm/ustreamer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from edge_server.api.schema import about


class Resolution(TypedDict):
    """Size of the pictures; 0 before the first one."""

    width: int
    height: int


class Source(TypedDict):
    """The camera."""

    resolution: Resolution
    online: Annotated[bool, about("Whether its pictures are fresh.")]
    desired_fps: int
    captured_fps: int


class Stream(TypedDict):
    """Its viewers."""

    queued_fps: int
    clients: int
    clients_stat: Annotated[dict[str, Any], about("Always empty: viewers are not told apart.")]


class Result(TypedDict):
    """Camera and viewers."""

    source: Source
    stream: Stream


class State(TypedDict):
    """Whether the camera gives pictures, and to how many."""

    ok: Literal[True]
    result: Result
