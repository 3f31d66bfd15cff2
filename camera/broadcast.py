"""One camera for many viewers: one encode a frame, newest frames first, never a frozen picture.

Knows nothing of HTTP servers; a generator that is pulled slowly skips frames by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from camera import mjpeg
from camera.errors import CameraError, TooManyViewers
from camera.frame import Frame
from camera.grabber import Grabber
from camera.jpeg import encode_rgb
from camera.state import CameraStatus


class Broadcast:
    """Encodes the frames of a grabber for viewers and for snapshots; safe from any thread.

    quality      of the JPEGs, 1..100
    max_viewers  how many `viewer()`s there may be at one time
    max_age      seconds that a snapshot's frame may be old
    """

    BOUNDARY = mjpeg.BOUNDARY
    CONTENT_TYPE = mjpeg.CONTENT_TYPE

    def __init__(
        self,
        grabber: Grabber,
        *,
        quality: int = 80,
        max_viewers: int = 8,
        max_age: float = 2.0,
    ) -> None:
        if not 1 <= quality <= 100:
            raise ValueError("The quality of a JPEG is 1..100.")
        self._grabber = grabber
        self._quality = quality
        self._max_viewers = max_viewers
        self._max_age = max_age
        self._viewers = 0
        self._viewers_lock = threading.Lock()
        self._encoding = threading.Lock()
        self._encoded: tuple[Frame, bytes] | None = None
        self._drawing = threading.Lock()
        self._drawn: tuple[object, bytes] | None = None

    @property
    def viewers(self) -> int:
        """How many viewers there are now."""
        return self._viewers

    @property
    def max_viewers(self) -> int:
        """How many there may be."""
        return self._max_viewers

    def jpeg(self, frame: Frame) -> bytes:
        """The frame as JPEG: the camera's own, else encoded once for all who ask for the newest."""
        if frame.jpeg is not None:
            return frame.jpeg
        with self._encoding:
            encoded = self._encoded
            if encoded is not None and encoded[0] is frame:
                return encoded[1]
            jpeg = encode_rgb(frame.pixels, self._quality)
            if encoded is None or frame.number >= encoded[0].number:
                self._encoded = (frame, jpeg)
            return jpeg

    def snapshot(self, timeout: float = 2.0) -> tuple[Frame, bytes]:
        """The newest frame, at most `max_age` old, and its JPEG.

        Waits up to `timeout` seconds for one; raises CameraError when none comes.
        """
        frame = self._grabber.latest()
        if frame is None or not self._is_fresh(frame):
            frame = self._grabber.wait_for_newer(frame.number if frame else 0, timeout)
        if frame is None:
            raise CameraError(self._grabber.status().trouble())
        return frame, self.jpeg(frame)

    def placeholder(self) -> bytes:
        """A JPEG of 640x480 that says why there is no picture, drawn once per cause."""
        from camera import placeholder  # noqa: PLC0415, fonts are large, and few servers draw

        notice = placeholder.notice(self._grabber.status())
        with self._drawing:
            if self._drawn is None or self._drawn[0] != notice:
                self._drawn = (notice, encode_rgb(placeholder.draw(notice), self._quality))
            return self._drawn[1]

    @contextmanager
    def viewer(self) -> Iterator[None]:
        """Counts one viewer while it lasts; raises TooManyViewers at the cap."""
        with self._viewers_lock:
            if self._viewers >= self._max_viewers:
                raise TooManyViewers(self._max_viewers)
            self._viewers += 1
        try:
            yield
        finally:
            with self._viewers_lock:
                self._viewers -= 1

    def parts(self, max_fps: float | None = None, timeout: float = 0.75) -> Iterator[bytes]:
        """The chunks of an MJPEG stream of type CONTENT_TYPE; ends when the grabber stops.

        max_fps  at most so many pictures a second
        timeout  seconds without a new frame until the last picture is sent again (or a placeholder
                 when the camera is gone): only a write tells the server that a viewer has left
        """
        if max_fps is not None and max_fps <= 0:
            raise ValueError("max_fps must be above 0.")
        interval = 1.0 / max_fps if max_fps else 0.0
        timeout = max(timeout, interval)
        number = 0
        due = time.monotonic()
        yield mjpeg.preamble()
        while True:
            if self._grabber.wait_for_stop(max(0.0, due - time.monotonic())):
                return
            frame = self._grabber.wait_for_newer(number, timeout)
            if self._grabber.wait_for_stop(0.0):
                return
            if frame is not None:
                number = frame.number
            due = time.monotonic() + interval
            yield self._part(frame or self._grabber.latest(), self._grabber.status())

    def _part(self, frame: Frame | None, status: CameraStatus) -> bytes:
        if frame is not None and status.shows:
            return mjpeg.part(self.jpeg(frame), frame.captured_at)
        return mjpeg.part(self.placeholder(), time.time())

    def _is_fresh(self, frame: Frame) -> bool:
        return frame.age() <= self._max_age
