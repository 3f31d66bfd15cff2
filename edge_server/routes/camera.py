"""GET /camera/...: snapshot, stream and live prediction."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Annotated, Literal, TypedDict

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from camera.frame import Frame
from edge_server.api.description import (
    CAMERA_ERRORS,
    INFERENCE_ERRORS,
    Content,
    Description,
    Tag,
    described,
)
from edge_server.api.schema import Bytes, about
from edge_server.request_context import note, routine
from edge_server.routes import current
from edge_server.services import Camera, Services
from edge_server.wire import camera as wire
from edge_server.wire import predict as predict_wire

NO_STORE = {
    "Cache-Control": "no-store, no-cache, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}


# Keys are the names of headers.
SnapshotHeaders = TypedDict(
    "SnapshotHeaders",
    {
        "X-Camera-Online": Annotated[
            Literal["true"], about("An answer 503 says false: the camera gives no fresh frame.")
        ],
        "X-Frame-Number": Annotated[int, about("Counts the camera's frames.")],
        "X-Timestamp": Annotated[
            float, about("When the frame was captured, seconds since 1970-01-01 UTC.")
        ],
    },
)
SNAPSHOT = Description(
    Tag.CAMERA,
    "The newest frame",
    "A JPEG, for pages that poll and for Home Assistant's generic camera.",
    answers={"image/jpeg": Content(Bytes)},
    answer_headers=SnapshotHeaders,
    errors=CAMERA_ERRORS,
)
STREAM = Description(
    Tag.CAMERA,
    "The stream",
    """Motion JPEG, which browsers show in an img and Home Assistant in its mjpeg camera. It does
    not end by itself. While the camera is lost it goes on with a picture that says so.""",
    answers={"multipart/x-mixed-replace": Content(Bytes)},
    errors=CAMERA_ERRORS,
)
_PREDICTION = Description(
    Tag.CAMERA,
    "The answer to the newest frame",
    """As /predict answers one image, with the frame and the camera that it is about. However many
    ask, each frame is classified once.""",
    answer=wire.LiveAnswer,
    errors=(*CAMERA_ERRORS, *INFERENCE_ERRORS),
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("camera", __name__, url_prefix="/camera")

    @routes.get("/snapshot.jpg")
    @described(SNAPSHOT)
    def snapshot() -> ResponseReturnValue:
        routine()
        return snapshot_answer(services.require_camera())[0]

    @routes.get("/stream.mjpg")
    @described(STREAM)
    def stream() -> ResponseReturnValue:
        return stream_answer(services.require_camera())

    @routes.get("/prediction")
    @described(_PREDICTION)
    def prediction() -> ResponseReturnValue:
        routine()
        started = time.perf_counter()
        camera = services.require_camera()
        answer = camera.live.newest(current.deadline())
        note(model=answer.model.name, version=answer.model.version)
        total_ms = (time.perf_counter() - started) * 1e3
        document: wire.LiveAnswer = {
            **predict_wire.single(answer.classification, answer.model, total_ms),
            "frame": frame_json(answer.frame),
            "camera": camera_json(camera),
        }
        return jsonify(document), 200, NO_STORE

    return routes


def snapshot_answer(camera: Camera) -> tuple[Response, Frame]:
    """A fresh frame as JPEG. Raises CameraError where there is none."""
    frame, jpeg = camera.broadcast.snapshot()
    headers = NO_STORE | {
        "X-Camera-Online": "true",
        "X-Frame-Number": str(frame.number),
        "X-Timestamp": f"{frame.captured_at:.3f}",
    }
    return Response(jpeg, mimetype="image/jpeg", headers=headers), frame


def stream_answer(camera: Camera) -> Response:
    """The stream for one more viewer. Raises TooManyViewers."""
    broadcast = camera.broadcast
    with ExitStack() as stack:
        stack.enter_context(broadcast.viewer())
        response = Response(
            broadcast.parts(), content_type=broadcast.CONTENT_TYPE, headers=NO_STORE
        )
        # The viewer is counted until the server closes the response, whoever ended it.
        response.call_on_close(stack.pop_all().close)
    return response


def frame_json(frame: Frame) -> wire.FrameJson:
    """Which frame an answer is about, and how old it is by now."""
    return {
        "number": frame.number,
        "captured_at": utc(frame.captured_at),
        "age_ms": round(frame.age() * 1e3, 1),
    }


def camera_json(camera: Camera) -> wire.CameraJson:
    """The state of the camera."""
    status = camera.grabber.status()
    return {
        "state": status.state.value,
        "description": status.description,
        "fps": round(status.fps, 1),
        "size": status.size,
        "viewers": camera.broadcast.viewers,
        "error": status.error,
        "last_frame_at": None if status.last_frame_at is None else utc(status.last_frame_at),
    }


def utc(unix_seconds: float) -> str:
    """A moment as ISO 8601 with milliseconds, in UTC."""
    moment = datetime.fromtimestamp(unix_seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
