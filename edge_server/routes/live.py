"""GET /camera/prediction and /camera/events: what the camera sees now, asked for or followed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from edge_server.api.description import (
    CAMERA_ERRORS,
    INFERENCE_ERRORS,
    Content,
    Description,
    Tag,
    described,
)
from edge_server.errors import BadRequest, TooManySubscribers
from edge_server.inference.region import Region
from edge_server.live import LiveAnswer
from edge_server.live.news import News
from edge_server.request_context import note, routine
from edge_server.routes import current
from edge_server.routes.camera import NO_STORE, camera_json, frame_json
from edge_server.services import Camera, Services
from edge_server.wire import camera as wire
from edge_server.wire import events
from edge_server.wire import predict as predict_wire

# Proxies close what is silent for 30 s and more. Seconds.
_HEARTBEAT: Final = 5.0
_COME_BACK_AFTER: Final = 2.0

_PREDICTION = Description(
    Tag.CAMERA,
    "The answer to the newest frame",
    """As /predict answers one image, with the frame and the camera that it is about, smoothed over
    the frames before it as --smoothing says. However many ask, each frame is classified once.""",
    answer=wire.LiveAnswer,
    errors=(*CAMERA_ERRORS, *INFERENCE_ERRORS),
)
_EVENTS = Description(
    Tag.CAMERA,
    "The answers, as they change",
    """Server-sent events, for EventSource in browsers. `prediction` is sent when another class is
    seen, or becomes sure or unsure; its data is the document of /camera/prediction, its id the
    number of the frame. `camera` is sent when the camera's state changes; its data is the same
    document's `camera`. Both are sent once at the beginning. It does not end by itself.""",
    query=wire.EventsQuery,
    answers={events.MEDIA_TYPE: Content(str)},
    errors=(*CAMERA_ERRORS, BadRequest, TooManySubscribers),
)


def blueprint(services: Services) -> Blueprint:
    routes = Blueprint("live", __name__, url_prefix="/camera")

    @routes.get("/prediction")
    @described(_PREDICTION)
    def prediction() -> ResponseReturnValue:
        routine()
        camera = services.require_camera()
        answer = camera.live.newest(current.deadline())
        note(model=answer.model.name, version=answer.model.version)
        total_ms = current.deadline().elapsed * 1e3
        return jsonify(_document(camera, answer, total_ms)), 200, NO_STORE

    @routes.get("/events")
    @described(_EVENTS)
    def follow() -> ResponseReturnValue:
        camera = services.require_camera()
        every = _every()
        with ExitStack() as stack:
            stack.enter_context(camera.subscribers.subscribed())
            stack.enter_context(camera.live.following())
            response = Response(
                _events(camera, every, current.deadline().is_gone),
                mimetype=events.MEDIA_TYPE,
                # nginx would keep events back until it has a page of them.
                headers=NO_STORE | {"X-Accel-Buffering": "no"},
            )
            # The subscriber is counted until the server closes the response, whoever ended it.
            response.call_on_close(stack.pop_all().close)
        return response

    return routes


def _events(camera: Camera, every: bool, is_gone: Callable[[], bool]) -> Iterator[bytes]:
    """The chunks of the events; ends when the client has left or the server stops."""
    news = News(camera.grabber, camera.live, every=every)
    yield events.retry(_COME_BACK_AFTER)
    silent_since = time.monotonic()
    while not news.ended and not is_gone():
        answer, state = news.wait()
        chunk = b""
        if state is not None:
            chunk += events.event("camera", camera_json(camera))
        if answer is not None:
            document = _document(camera, answer, answer.own.timing.total)
            chunk += events.event("prediction", document, answer.frame.number)
        if not chunk and time.monotonic() - silent_since > _HEARTBEAT:
            chunk = events.HEARTBEAT
        if chunk:
            silent_since = time.monotonic()
            yield chunk


def _every() -> bool:
    text = request.args.get("every", "0")
    if text not in ("0", "1"):
        raise BadRequest(f"every is '{text[:20]}': use 1 for every answer, or leave it out.")
    return text == "1"


def _document(camera: Camera, answer: LiveAnswer, total_ms: float) -> wire.LiveAnswer:
    own = answer.own.top[0]
    return {
        **predict_wire.single(answer.classification, answer.model, total_ms),
        "sure": answer.sure,
        "frame_prediction": {"prediction": own.label, "confidence": round(own.confidence, 6)},
        "region": _region(answer.region),
        "frame": frame_json(answer.frame),
        "camera": camera_json(camera),
    }


def _region(region: Region | None) -> wire.RegionJson | None:
    if region is None:
        return None
    return {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
