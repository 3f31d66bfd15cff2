"""What the camera's addresses answer in JSON."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Literal, TypedDict

from edge_server.api.schema import about
from edge_server.wire.predict import OneAnswer


def utc(unix_seconds: float) -> str:
    """A time as RFC 3339 has it, to the millisecond."""
    moment = datetime.fromtimestamp(unix_seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


class EventsQuery(TypedDict, total=False):
    """Which events are sent."""

    every: Annotated[
        int, about("1 for every answer, not only those that change.", enum=[0, 1], default=0)
    ]


class FramePrediction(TypedDict):
    """The answer to one frame alone."""

    prediction: str
    confidence: Annotated[float, about("0..1")]


class RegionJson(TypedDict):
    """A part of a picture, in fractions of the upright picture."""

    x: float
    y: float
    width: float
    height: float


class LiveAnswer(OneAnswer):
    """The answer to the camera's newest frame, smoothed over those before it."""

    sure: Annotated[bool, about("Whether the confidence is at least --min-confidence.")]
    frame_prediction: Annotated[FramePrediction, about("Of the newest frame alone.")]
    region: Annotated[RegionJson | None, about("The part that was classified; null for all.")]
    frame: FrameJson
    camera: CameraJson
