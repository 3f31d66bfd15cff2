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
    rates = camera.broadcast.rates
    frame = camera.grabber.latest()
    passes = frame is not None and frame.jpeg is not None
    return {
        "ok": True,
        "result": {
            "encoder": {
                "type": "HW" if passes else "CPU",
                "quality": 0 if passes else camera.broadcast.quality,
            },
            "source": {
                "resolution": {"width": width, "height": height},
                "online": status.shows,
                "desired_fps": fps,
                "captured_fps": fps,
            },
            "stream": {
                "queued_fps": max(rates.values(), default=0),
                "clients": len(rates),
                "clients_stat": {name: client_json(rate) for name, rate in rates.items()},
            },
        },
    }


def client_json(fps: int) -> wire.Client:
    """A viewer. What ustreamer does for viewers that ask for it is not offered here."""
    return {
        "fps": fps,
        "extra_headers": False,
        "advance_headers": False,
        "dual_final_frames": False,
        "zero_data": False,
    }


def _snapshot(camera: Camera) -> Response:
    answer, (width, height) = own.snapshot_answer(camera)
    answer.headers["X-UStreamer-Online"] = "true"
    answer.headers["X-UStreamer-Width"] = str(width)
    answer.headers["X-UStreamer-Height"] = str(height)
    return answer
