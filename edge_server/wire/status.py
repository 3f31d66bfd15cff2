"""What /status.json tells the device's owner."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from edge_server.api.schema import about
from edge_server.wire.camera import CameraJson
from edge_server.wire.health import RuntimeJson

Moment = Annotated[str, about("UTC.", format="date-time")]


class ServerStatusJson(TypedDict):
    """The server's process."""

    version: str
    started_at: Moment
    uptime_seconds: float
    runtime: RuntimeJson
    memory_bytes: Annotated[int | None, about("Resident; null where the system does not tell.")]
    kiosk_seen_at: Annotated[
        str | None, about("When a kiosk page on this device last asked, UTC; null if none did.")
    ]


class ModelStatusJson(TypedDict):
    """One version of a model."""

    name: str
    version: str
    state: Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]
    since: Moment
    default: Annotated[bool, about("Whether it answers where a request names no version.")]
    labels: Annotated[list[str], about("Its version labels.")]
    reason: Annotated[str | None, about("Why it failed, or was not taken over.")]
    recipe: str | None
    size_bytes: int | None
    delegate: Annotated[str | None, about("The accelerator that runs it; null for the CPU.")]
    answered: Annotated[int, about("Requests that were answered.")]
    failed: Annotated[int, about("Requests that got an error instead.")]
    images: int
    invoke_p50_ms: Annotated[
        float | None, about("Median of the interpreter's runs, estimated from a histogram.")
    ]
    request_p50_ms: Annotated[float | None, about("Median from the image to its answer.")]


class CameraStatusJson(CameraJson):
    """The camera, with what its owner wants to know beside."""

    reconnections: int
    frames: int


class RequestsJson(TypedDict):
    """HTTP requests since the start."""

    total: int
    by_status: Annotated[dict[str, int], about("By HTTP status.")]


class ThrottledJson(TypedDict):
    """A reason for which the board slows down."""

    reason: str
    now: bool
    earlier: bool


class BoardJson(TypedDict):
    """The board, as its kernel tells it; null and empty where it does not."""

    model: str | None
    temperatures: Annotated[dict[str, float], about("Degrees Celsius, by thermal zone.")]
    throttled: list[ThrottledJson]
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    load_1min: float | None
    processors: int
    uptime_seconds: float | None


class TroubleJson(TypedDict):
    """A warning or an error of the log."""

    first_at: Moment
    last_at: Moment
    level: Literal["warning", "error", "critical"]
    logger: str
    message: str
    times: int


class StatusJson(TypedDict):
    """The device, for its owner."""

    time: Moment
    server: ServerStatusJson
    models: list[ModelStatusJson]
    camera: CameraStatusJson | None
    requests: RequestsJson
    board: Annotated[BoardJson | None, about("null where its sensors give no answer.")]
    troubles: Annotated[list[TroubleJson], about("The newest first, from `warning` up.")]
    troubles_total: int
