"""Classifies the newest frame while somebody is interested. Knows nothing of HTTP.

A frame is classified once, however many want its answer: nobody wants one, no work.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from camera.frame import Frame
from camera.grabber import Grabber
from edge_server.deadline import Deadline
from edge_server.errors import (
    CameraUnavailable,
    ClientGone,
    DeadlineExceeded,
    EdgeError,
    ImageError,
)
from edge_server.inference.classification import Classification, best
from edge_server.inference.region import Region
from edge_server.inference.served import ServedModel
from edge_server.live.answer import LiveAnswer
from edge_server.live.pace import Pace, moves
from edge_server.live.smoothing import Smoothing

_log = logging.getLogger(__name__)

# An answer about a scene that is gone would be wrong, however confident. Seconds.
MAX_FRAME_AGE: Final = 2.0
# Who asked for the newest answer is expected to ask again within so many seconds.
_INTEREST: Final = 3.0
# How long the worker waits at a time: for a frame, for its turn behind the requests.
_PATIENCE: Final = 0.5
_TURN: Final = 0.1
_PAUSE_AFTER_ERROR: Final = 1.0
_SAY_AGAIN: Final = 300.0
_JOIN: Final = 2.0


def _nobody() -> bool:
    return False


class Live:
    """The answers to a camera's newest frames, each classified at most once."""

    def __init__(
        self,
        grabber: Grabber,
        model: Callable[[], ServedModel],
        *,
        fps: float = 0.0,
        region: Region | None = None,
        smoothing: float = 0.0,
        min_confidence: float = 0.0,
        others_wait: Callable[[], bool] = _nobody,
    ) -> None:
        """`model` gives the one to ask now.

        fps             frames a second that are classified at most; 0 for as many as pay
        region          the part of each frame that counts, None for all of it
        smoothing       time constant in seconds; 0 for none
        min_confidence  0..1, from which on an answer is sure
        others_wait     whether requests do, which go first
        """
        self._grabber, self._model = grabber, model
        self._pace = Pace(fps)
        self._region = region
        self._smoothing = Smoothing(smoothing)
        self._min_confidence = min_confidence
        self._others_wait = others_wait
        # Of a rate that was asked for, answers are as old as it makes them.
        self._max_age = max(MAX_FRAME_AGE, 1.5 / fps if fps else 0.0)

        self._classifying = threading.Lock()
        self._news = threading.Condition()  # an answer came, an interest, or the end
        self._answer: LiveAnswer | None = None
        # Weak: the answer to a frame must not keep a model that is gone.
        self._answered_by: Callable[[], ServedModel | None] = lambda: None
        self._attempt = 0  # of the camera to be open, that the answer comes from
        self._tried = 0  # number of the newest frame that was looked at
        self._followers = 0
        self._interest_ends = 0.0
        self._worker: threading.Thread | None = None
        self._stopping = False
        self._said, self._said_at = "", 0.0
        self.answers = self.label_changes = 0

    def start(self) -> None:
        """Have new frames classified by themselves while somebody is interested."""
        with self._news:
            self._stopping = False
            self._worker = threading.Thread(target=self._work, name="live", daemon=True)
            self._worker.start()

    def stop(self) -> None:
        """End that; whoever waits for an answer gets none."""
        with self._news:
            self._stopping = True
            worker, self._worker = self._worker, None
            self._news.notify_all()
        if worker is not None:
            worker.join(_JOIN)

    @property
    def stopped(self) -> bool:
        """Whether stop() was called: no more answers come by themselves."""
        return self._stopping

    @property
    def last(self) -> LiveAnswer | None:
        """The newest answer that there is; none is made for it."""
        return self._answer

    @contextmanager
    def following(self) -> Iterator[None]:
        """While it lasts, somebody wants `last` to be new."""
        with self._news:
            self._followers += 1
            self._news.notify_all()
        try:
            yield
        finally:
            with self._news:
                self._followers -= 1

    def wait_for_newer(self, number: int, timeout: float) -> LiveAnswer | None:
        """The newest answer once its frame's number is above `number`; None at `timeout` (s) or
        stop(). For who follows."""
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._is_newer(number), timeout)
            return self._answer if self._is_newer(number) and not self._stopping else None

    def newest(self, deadline: Deadline | None = None) -> LiveAnswer:
        """The answer to the newest frame, within 30 s where no deadline is given; who asks again
        and again gets those that are made meanwhile.

        Raises CameraUnavailable where there is none or only an old one, DeadlineExceeded, and
        what `model` and Classifier.look raise.
        """
        frame = self._grabber.latest()
        if frame is None or frame.age() > MAX_FRAME_AGE:
            raise CameraUnavailable(self._grabber.status().trouble())
        with self._news:
            self._interest_ends = time.monotonic() + _INTEREST
            self._news.notify_all()
        model = self._model()
        last = self._answer
        is_kept_new = self._worker is not None and self._answered_by() is model
        if last is not None and is_kept_new and last.frame.age() <= self._max_age:
            return last
        until = deadline or Deadline()
        if not self._classifying.acquire(timeout=until.remaining):
            late = DeadlineExceeded(
                f"The camera's picture was not classified within {until.seconds:g} s: "
                "try again, with fewer requests at a time."
            )
            model.classifier.observer.failed(late, until.seconds)
            raise late
        try:
            # While this thread waited, another may have answered a newer frame than its own.
            return self._classify(self._model(), frame, until)
        finally:
            self._classifying.release()

    def _classify(
        self, model: ServedModel, frame: Frame, until: Deadline, *, patient: bool = False
    ) -> LiveAnswer:
        """The answer to the frame, or one that there is to a newer one, by this very model."""
        last = self._answer if self._answered_by() is model else None
        if last is not None and last.frame.number >= frame.number:
            return last
        attempt = self._grabber.status().reconnections
        if last is None or attempt != self._attempt:
            self._smoothing.reset()
        begun = time.monotonic()
        own = self._look(model, frame, until, patient=patient)
        self._pace.worked(
            time.monotonic() - begun, moves=moves(own.scores, self._smoothing.average)
        )
        scores = self._smoothing.add(own.scores, frame.captured_monotonic)
        top = best(model.classifier.labels, scores, first=self._smoothing.best)
        smoothed = replace(own, top=top, scores=scores)
        sure = smoothed.top[0].confidence >= self._min_confidence
        made = LiveAnswer(frame, smoothed, own, model.info, sure, self._region)
        with self._news:
            self.answers += 1
            self.label_changes += last is not None and last.label != made.label
            self._answer, self._attempt = made, attempt
            self._answered_by = weakref.ref(model)
            self._news.notify_all()
        return made

    def _look(
        self, model: ServedModel, frame: Frame, until: Deadline, *, patient: bool
    ) -> Classification:
        picture = frame.pixels if frame.jpeg is None else frame.jpeg
        try:
            return model.classifier.look(
                picture, region=self._region, deadline=until, patient=patient
            )
        except ImageError as error:  # it is the camera's, not of whoever asks
            raise CameraUnavailable(
                "The camera sent a damaged picture; the next one may be whole."
            ) from error

    def _work(self) -> None:
        """What the worker does: each new frame when it is due, as long as somebody cares."""
        while self._wait_until_wanted():
            frame = self._grabber.wait_for_newer(self._tried, _PATIENCE)
            if frame is None or self._others_wait():
                self._sleep(_TURN)  # a camera that is closed does not wait by itself
                continue
            try:
                self._take_turn(frame)
            except (DeadlineExceeded, ClientGone):
                continue  # requests went first; by now there may be a newer frame
            except CameraUnavailable as error:
                self._say(str(error))
            except EdgeError as error:
                self._say(str(error))
                self._sleep(_PAUSE_AFTER_ERROR)
            except Exception as error:
                self._say(f"{type(error).__name__}: {error}", error)
                self._sleep(_PAUSE_AFTER_ERROR)
            self._tried = frame.number
            self._sleep(self._pace.rest)

    def _take_turn(self, frame: Frame) -> None:
        until = Deadline(_TURN)
        if not self._classifying.acquire(timeout=until.remaining):
            raise DeadlineExceeded("Somebody else has the camera's newest frame classified.")
        try:
            self._classify(self._model(), frame, until, patient=True)
        finally:
            self._classifying.release()

    def _wait_until_wanted(self) -> bool:
        """Wait for somebody who is interested; False at the end."""
        with self._news:
            self._news.wait_for(lambda: self._stopping or self._is_wanted())
            return not self._stopping

    def _is_wanted(self) -> bool:
        return self._followers > 0 or time.monotonic() < self._interest_ends

    def _is_newer(self, number: int) -> bool:
        return self._answer is not None and self._answer.frame.number > number

    def _sleep(self, seconds: float) -> None:
        with self._news:
            self._news.wait_for(lambda: self._stopping, seconds)

    def _say(self, sentence: str, error: Exception | None = None) -> None:
        """Once a while, and not with every frame for as long as it lasts."""
        now = time.monotonic()
        if sentence != self._said or now - self._said_at > _SAY_AGAIN:
            self._said, self._said_at = sentence, now
            _log.warning("the camera's frames are not classified: %s", sentence, exc_info=error)
