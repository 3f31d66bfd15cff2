"""What viewers can be shown at this moment, without anybody who sends waiting for an encoder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from camera.errors import CameraError
from camera.frame import Frame
from camera.grabber import Grabber
from camera.jpeg import encode_rgb
from camera.looks import Look, Looks, Shown
from camera.painter import Painter


@dataclass(frozen=True)
class _Placeholder:
    """A JPEG, what it says, and until when that was known to be right (time.monotonic())."""

    notice: object
    jpeg: bytes
    at: float


class Pictures:
    """Frames of a grabber as they are shown, and the placeholder; safe from any thread.

    What has to be encoded is made by a thread of its own, and its bell is rung when it is there.
    """

    def __init__(self, grabber: Grabber, looks: Looks, quality: int) -> None:
        self._grabber, self._looks, self._quality = grabber, looks, quality
        self._painter = Painter(grabber.news.ring)
        self._drawing = threading.Lock()
        self._drawn: _Placeholder | None = None

    @property
    def are_over(self) -> bool:
        """Whether the camera is switched off."""
        return self._grabber.stopped

    @property
    def show(self) -> bool:
        """Whether the newest frame still stands for what the camera sees."""
        return self._grabber.shows

    def heard(self, by: Callable[[], None]) -> AbstractContextManager[None]:
        """Calls `by` when there may be something new, while it lasts."""
        return self._grabber.news.heard(by)

    def newest(self) -> Frame | None:
        """The newest frame, however old it is; None before the first one."""
        return self._grabber.latest()

    def of(self, frame: Frame, look: Look, *, again: bool = False) -> Shown | None:
        """The frame, or a newer one, in this look; None while it is being made.

        Raises CameraError where the camera's JPEG is damaged and has to be decoded.
        """
        shown = self._looks.find(frame, look, again=again)
        if shown is None:
            self._painter.want(look, lambda: self._make(frame, look, again))
        return shown

    def standby(self, since: float) -> bytes | None:
        """The placeholder as it was right at `since` or later; None while it is being drawn."""
        drawn = self._drawn
        if drawn is not None and drawn.at >= since:
            return drawn.jpeg
        self._painter.want(None, self.placeholder)
        return None

    def placeholder(self) -> bytes:
        """A JPEG of 640x480 that says why there is no picture, drawn once per cause."""
        from camera import placeholder  # noqa: PLC0415, fonts are large, and few servers draw

        with self._drawing:
            now, notice = time.monotonic(), placeholder.notice(self._grabber.status())
            drawn = self._drawn
            if drawn is None or drawn.notice != notice:
                jpeg = encode_rgb(placeholder.draw(notice), self._quality)
                drawn = _Placeholder(notice, jpeg, now)
            self._drawn = _Placeholder(notice, drawn.jpeg, now)
            return drawn.jpeg

    def _make(self, frame: Frame, look: Look, again: bool) -> None:
        """Of the frame that is the newest by now."""
        newest = self._grabber.latest() or frame
        try:
            made = self._looks.show(newest, look, again=again)
        except CameraError:
            return  # who wants it is told when he looks for it
        _ = made.part  # which whoever sends would have to put together
