"""GET /camera/...: snapshot, stream and live prediction."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from camera.frame import Frame
from edge_server.request_context import note
from edge_server.routes import current
from edge_server.services import Camera, Services
from edge_server.wire import predict as wire

_NO_STORE = {
    "Cache-Control": "no-store, no-cache, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "Thu, 01 Jan 1970 00:00:00 GMT",
}


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("camera", __name__, url_prefix="/camera")

    @routes.get("/snapshot.jpg")
    def snapshot() -> ResponseReturnValue:
        frame, jpeg = services.require_camera().broadcast.snapshot()
        headers = _NO_STORE | {
            "X-Frame-Number": str(frame.number),
            "X-Timestamp": f"{frame.captured_at:.3f}",
        }
        return Response(jpeg, mimetype="image/jpeg", headers=headers)

    @routes.get("/stream.mjpg")
    def stream() -> ResponseReturnValue:
        broadcast = services.require_camera().broadcast
        with ExitStack() as stack:
            stack.enter_context(broadcast.viewer())
            response = Response(
                broadcast.parts(), content_type=broadcast.CONTENT_TYPE, headers=_NO_STORE
            )
            # The viewer is counted until the server closes the response, whoever ended it.
            response.call_on_close(stack.pop_all().close)
        return response

    @routes.get("/prediction")
    def prediction() -> ResponseReturnValue:
        started = time.perf_counter()
        camera = services.require_camera()
        answer = camera.live.newest(current.deadline())
        note(model=answer.model.name, version=answer.model.version)
        total_ms = (time.perf_counter() - started) * 1e3
        document = wire.single(answer.classification, answer.model, total_ms)
        document |= {"frame": frame_json(answer.frame), "camera": camera_json(camera)}
        return jsonify(document), 200, _NO_STORE

    return routes


def frame_json(frame: Frame) -> dict[str, Any]:
    """Which frame an answer is about, and how old it is by now."""
    captured = datetime.fromtimestamp(frame.captured_at, timezone.utc)
    return {
        "number": frame.number,
        "captured_at": captured.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "age_ms": round(frame.age() * 1e3, 1),
    }


def camera_json(camera: Camera) -> dict[str, Any]:
    """The state of the camera."""
    status = camera.grabber.status()
    return {
        "state": status.state.value,
        "description": status.description,
        "fps": round(status.fps, 1),
        "size": status.size,
        "viewers": camera.broadcast.viewers,
        "error": status.error,
    }
