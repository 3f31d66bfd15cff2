"""What ustreamer answers at /state: https://github.com/pikvm/ustreamer."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

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


class Encoder(TypedDict):
    """What makes the pictures."""

    type: Annotated[Literal["CPU", "HW"], about("HW where the camera itself sends JPEGs.")]
    quality: Annotated[int, about("Of the JPEGs that are made here; 0 for the camera's own.")]


class Client(TypedDict):
    """One viewer."""

    fps: Annotated[int, about("Pictures that it was sent in the last second.")]
    extra_headers: bool
    advance_headers: bool
    dual_final_frames: bool
    zero_data: bool


class Stream(TypedDict):
    """Its viewers."""

    queued_fps: Annotated[int, about("Pictures a second that the fastest viewer is sent.")]
    clients: int
    clients_stat: Annotated[dict[str, Client], about("The viewers, by names made here.")]


class Result(TypedDict):
    """Camera and viewers."""

    encoder: Encoder
    source: Source
    stream: Stream


class State(TypedDict):
    """Whether the camera gives pictures, and to how many."""

    ok: Literal[True]
    result: Result
