"""The camera at the addresses where other programs look for it: ustreamer's and mjpg-streamer's."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server.api.description import CAMERA_ERRORS, Description, Tag, described
from edge_server.routes import camera as own
from edge_server.services import Camera, Services
from edge_server.wire import ustreamer as wire

_SNAPSHOT = replace(
    own.SNAPSHOT,
    summary="The newest frame, as ustreamer has it",
    text="As /camera/snapshot.jpg; mjpg-streamer's /?action=snapshot is the same.",
)
_STREAM = replace(
    own.STREAM,
    summary="The stream, as ustreamer has it",
    text="As /camera/stream.mjpg; mjpg-streamer's /?action=stream is the same.",
)
_STATE = Description(
    Tag.CAMERA,
    "The camera's state, as ustreamer has it",
    "For programs that watch ustreamer.",
    answer=wire.State,
    errors=CAMERA_ERRORS,
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("camera_programs", __name__)

    @routes.get("/snapshot")
    @described(_SNAPSHOT)
    def snapshot() -> ResponseReturnValue:
        return _snapshot(services.require_camera())

    @routes.get("/stream")
    @described(_STREAM)
    def stream() -> ResponseReturnValue:
        return own.stream_answer(services.require_camera())

    @routes.get("/state")
    @described(_STATE)
    def state() -> ResponseReturnValue:
        return jsonify(state_json(services.require_camera())), 200, own.NO_STORE

    return routes


def action(services: Services) -> ResponseReturnValue | None:
    """What mjpg-streamer answers at /?action=..., None where the page is asked for."""
    wanted = request.args.get("action")
    if wanted == "stream":
        return own.stream_answer(services.require_camera())
    if wanted == "snapshot":
        return _snapshot(services.require_camera())
    return None


def state_json(camera: Camera) -> wire.State:
    """The camera and its viewers in ustreamer's words."""
    status = camera.grabber.status()
    width, height = status.size or (0, 0)
    fps = round(status.fps)
    return {
        "ok": True,
        "result": {
            "source": {
                "resolution": {"width": width, "height": height},
                "online": status.shows,
                "desired_fps": fps,
                "captured_fps": fps,
            },
            "stream": {"queued_fps": fps, "clients": camera.broadcast.viewers, "clients_stat": {}},
        },
    }


def _snapshot(camera: Camera) -> Response:
    answer, frame = own.snapshot_answer(camera)
    width, height = frame.size
    answer.headers["X-UStreamer-Online"] = "true"
    answer.headers["X-UStreamer-Width"] = str(width)
    answer.headers["X-UStreamer-Height"] = str(height)
    return answer
