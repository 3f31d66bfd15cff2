"""The camera and its viewers."""

from __future__ import annotations

from collections.abc import Iterator

from camera.broadcast import Broadcast
from camera.grabber import Grabber
from camera.state import CameraState
from edge_server.metrics import catalogue
from edge_server.metrics.catalogue import Family


def collect(grabber: Grabber, broadcast: Broadcast) -> Iterator[Family]:
    """The families of one camera."""
    status = grabber.status()
    yield catalogue.CAMERA.values(((status.description,), 1))
    yield catalogue.CAMERA_STATE.values(
        *(((state.value,), state is status.state) for state in CameraState)
    )
    yield catalogue.FRAMES.value(status.frames)
    yield catalogue.FRAMES_DROPPED.value(status.unseen)
    yield catalogue.FRAME_RATE.value(status.fps)
    if status.age is not None:
        yield catalogue.FRAME_AGE.value(status.age)
    yield catalogue.RECONNECTIONS.value(status.reconnections)
    yield catalogue.VIEWERS.value(broadcast.viewers)
    yield catalogue.VIEWERS_LIMIT.value(broadcast.max_viewers)
