"""Newest frame -> newest classification, for everybody who asks. Knows nothing of HTTP.

A frame is classified once, when somebody wants its answer: nobody asks, no work.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from camera.frame import Frame
from camera.grabber import Grabber
from edge_server.deadline import Deadline
from edge_server.errors import CameraUnavailable, DeadlineExceeded, ImageError
from edge_server.inference.classification import Classification
from edge_server.inference.served import ModelInfo, ServedModel

# An answer about a scene that is gone would be wrong, however confident. Seconds.
MAX_FRAME_AGE: Final = 2.0


@dataclass(frozen=True)
class LiveAnswer:
    """The classification of one frame, by the model that was served then."""

    frame: Frame
    classification: Classification
    model: ModelInfo


class Live:
    """Classifies the camera's newest frame, each frame at most once."""

    def __init__(self, grabber: Grabber, model: Callable[[], ServedModel]) -> None:
        """`model` gives the one to ask now."""
        self._grabber, self._model = grabber, model
        self._lock = threading.Lock()
        self._answer: LiveAnswer | None = None
        # Weak: the answer to a frame must not keep a model that is gone.
        self._answered_by: Callable[[], ServedModel | None] = lambda: None
        self._followers = 0

    @property
    def last(self) -> LiveAnswer | None:
        """The newest answer that there is; none is made for it."""
        return self._answer

    @contextmanager
    def following(self) -> Iterator[None]:
        """While it lasts, somebody wants `last` to be new."""
        with self._lock:
            self._followers += 1
        try:
            yield
        finally:
            with self._lock:
                self._followers -= 1

    def newest(self, deadline: Deadline | None = None) -> LiveAnswer:
        """The answer to the newest frame, within 30 s where no deadline is given.

        Raises CameraUnavailable where there is none or only an old one, DeadlineExceeded, and
        what `model` and Classifier.classify_pixels raise.
        """
        frame = self._grabber.latest()
        if frame is None or frame.age() > MAX_FRAME_AGE:
            raise CameraUnavailable(self._grabber.status().trouble())
        until = deadline or Deadline()
        if not self._lock.acquire(timeout=until.remaining):
            late = DeadlineExceeded(
                f"The camera's picture was not classified within {until.seconds:g} s: "
                "try again, with fewer requests at a time."
            )
            self._model().classifier.observer.failed(late, until.seconds)
            raise late
        try:
            model = self._model()
            # While this thread waited, another may have answered a newer frame than its own. What
            # another model answered is not taken for this one's.
            if (
                self._answer is None
                or self._answer.frame.number < frame.number
                or self._answered_by() is not model
            ):
                result = _classify(model, frame, until)
                self._answer = LiveAnswer(frame, result, model.info)
                self._answered_by = weakref.ref(model)
            return self._answer
        finally:
            self._lock.release()


def _classify(model: ServedModel, frame: Frame, until: Deadline) -> Classification:
    if frame.jpeg is None:
        return model.classifier.classify_pixels(frame.pixels, deadline=until)
    try:
        # A large one is decoded smaller.
        return model.classifier.classify(frame.jpeg, deadline=until)
    except ImageError as error:  # it is the camera's, not of whoever asks
        raise CameraUnavailable(
            "The camera sent a damaged picture; the next one may be whole."
        ) from error
