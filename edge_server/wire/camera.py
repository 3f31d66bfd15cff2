"""What the camera's addresses answer in JSON."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from edge_server.api.schema import about
from edge_server.wire.predict import OneAnswer


class FrameJson(TypedDict):
    """Which frame an answer is about."""

    number: int
    captured_at: Annotated[str, about("UTC.", format="date-time")]
    age_ms: Annotated[float, about("How old it is by now.")]


class CameraJson(TypedDict):
    """The state of the camera."""

    state: Literal["opening", "live", "stalled", "lost", "closed"]
    description: str
    fps: Annotated[float, about("Frames a second over the last seconds.")]
    size: Annotated[tuple[int, int] | None, about("Width and height.")]
    viewers: Annotated[int, about("Of the stream, now.")]
    error: Annotated[str | None, about("What is wrong, and what to do.")]
    last_frame_at: Annotated[
        str | None, about("When the newest frame was captured, UTC; null before the first.")
    ]


class LiveAnswer(OneAnswer):
    """The answer to the camera's newest frame."""

    frame: FrameJson
    camera: CameraJson
