"""GET /camera/...: snapshot and stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Annotated, Literal, TypedDict

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from camera.broadcast import Broadcast
from camera.errors import CameraError
from camera.frame import Frame
from camera.jpeg import read_jpeg
from edge_server import overlay, streaming
from edge_server.api.description import (
    CAMERA_ERRORS,
    Content,
    Description,
    Tag,
    described,
)
from edge_server.api.schema import Bytes, about
from edge_server.errors import BadRequest, EdgeError
from edge_server.request_context import routine
from edge_server.routes import current
from edge_server.services import Camera, Services
from edge_server.streaming import Streamed
from edge_server.wire import camera as wire
from edge_server.wire import pictures

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
    query=pictures.PictureQuery,
    answers={"image/jpeg": Content(Bytes)},
    answer_headers=SnapshotHeaders,
    errors=(*CAMERA_ERRORS, BadRequest),
)
STREAM = Description(
    Tag.CAMERA,
    "The stream",
    """Motion JPEG, which browsers show in an img and Home Assistant in its mjpeg camera. It does
    not end by itself. While the camera is lost it goes on with a picture that says so. Who is
    slow gets fewer pictures, not older ones.""",
    query=pictures.StreamQuery,
    answers={"multipart/x-mixed-replace": Content(Bytes)},
    errors=(*CAMERA_ERRORS, BadRequest),
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

    return routes


def snapshot_answer(camera: Camera) -> tuple[Response, tuple[int, int]]:
    """A fresh frame as JPEG, as the request wants it, and its size.

    Raises BadRequest, and CameraError where there is none.
    """
    frame, jpeg = _snapshot(camera)
    headers = NO_STORE | {
        "X-Camera-Online": "true",
        "X-Frame-Number": str(frame.number),
        "X-Timestamp": f"{frame.captured_at:.3f}",
    }
    parsed = read_jpeg(jpeg)
    size = parsed.size if parsed else frame.size
    return Response(jpeg, mimetype="image/jpeg", headers=headers), size


def _snapshot(camera: Camera) -> tuple[Frame, bytes]:
    look = pictures.look(request.args)
    if look.captioned:
        camera.broadcast.fresh()
        try:
            answer = camera.live.newest(current.deadline())
        except (EdgeError, CameraError):
            pass  # a picture without words is better than none
        else:
            words = overlay.caption_of(answer)
            return answer.frame, camera.broadcast.write(answer.frame, words, look.width)
    return camera.broadcast.snapshot(look=look)


def stream_answer(camera: Camera) -> Response:
    """The stream for one more viewer. Raises BadRequest, TooManyViewers."""
    look, fps = pictures.look(request.args), pictures.fps(request.args)
    broadcast = camera.broadcast
    with ExitStack() as stack:
        viewer = stack.enter_context(broadcast.viewer())
        if look.captioned:
            stack.enter_context(camera.live.following())
        feed = broadcast.feed(look, fps, viewer=viewer)
        # The viewer is counted until the server has ended the stream, for whatever reason.
        end = stack.pop_all().close
    streamed = Streamed(broadcast.preamble, feed, broadcast.heard, end)
    link = streaming.begin(request.environ, streamed)
    if link is not None:
        viewer.link = link
        return _stream(broadcast, iter(()))
    response = _stream(broadcast, broadcast.parts(feed))
    response.call_on_close(end)
    return response


def _stream(broadcast: Broadcast, chunks: Iterator[bytes]) -> Response:
    return Response(chunks, content_type=broadcast.CONTENT_TYPE, headers=NO_STORE)


def frame_json(frame: Frame) -> wire.FrameJson:
    """Which frame an answer is about, and how old it is by now."""
    return {
        "number": frame.number,
        "captured_at": wire.utc(frame.captured_at),
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
        "last_frame_at": None if status.last_frame_at is None else wire.utc(status.last_frame_at),
    }
