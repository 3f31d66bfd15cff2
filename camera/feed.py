"""What one viewer is to be sent next, and when: the newest, never what has become old meanwhile.

Knows nothing of sockets and threads; never waits.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from camera import mjpeg
from camera.errors import CameraError
from camera.frame import Frame
from camera.looks import Look
from camera.pictures import Pictures
from camera.viewers import Viewer

# So often a viewer that has not taken its last pictures is looked at. Seconds.
_BEHIND: Final = 0.01
# What TLS and the first headers add to a picture, at most in bytes.
_FRAMING: Final = 4096
# A picture that is being made is asked for again, though its bell was not heard. Seconds.
_MAKING: Final = 0.5


@dataclass(frozen=True)
class _Wanted:
    """What is to be shown next: `frame` or a newer one; the placeholder where there is none.

    at     since when it has been wanted
    again  the viewer has seen it before
    """

    frame: Frame | None
    at: float
    again: bool


class Feed:
    """The parts of one viewer's stream.

    max_fps  at most so many pictures a second
    timeout  seconds without a new frame until the last picture is sent again, or a placeholder
             when the camera is gone
    due      when to ask for the next part at the latest (time.monotonic()); before that when the
             pictures' bell rings
    """

    def __init__(
        self,
        pictures: Pictures,
        viewer: Viewer,
        look: Look,
        *,
        max_fps: float | None,
        timeout: float,
    ) -> None:
        if max_fps is not None and max_fps <= 0:
            raise ValueError("max_fps must be above 0.")
        self._pictures, self._viewer, self._look = pictures, viewer, look
        self._interval = 1.0 / max_fps if max_fps else 0.0
        self._timeout = max(timeout, self._interval)
        self._number = 0  # of the newest frame that this viewer is done with
        self._last = 0  # bytes of the last part
        self._earliest = self.due = 0.0
        self._patience: float | None = None  # until when a new frame is waited for
        self._wanted: _Wanted | None = None

    @property
    def is_over(self) -> bool:
        """Whether the camera is switched off."""
        return self._pictures.are_over

    def next(self) -> bytes | None:
        """The next part, once the last has been sent; None until `due` where it is not yet time.

        Nothing is given to a viewer that does not have all but its last picture: what is taken now
        would be old when it gets there, since the buffers of sockets hold seconds of small ones.
        """
        now = time.monotonic()
        wanted = self._wanted = self._wanted or self._choose(now)
        if wanted is None:
            return None
        try:
            part = self._part(wanted)
        except CameraError:  # a damaged JPEG; the next one may be whole
            self._done(wanted)
            self.due = now
            return None
        if part is None:
            self.due = now + _MAKING
            return None
        self._done(wanted)
        self._last = len(part)
        self._viewer.sent()
        return part

    def _choose(self, now: float) -> _Wanted | None:
        """None until `due` where the viewer is to be shown nothing yet."""
        if now < self._earliest:
            self.due = self._earliest
            return None
        if self._viewer.link.backlog() > self._last + _FRAMING:
            self.due = now + _BEHIND
            return None
        frame = self._pictures.newest()
        newer = frame is not None and frame.number > self._number
        if not newer:
            if self._patience is None:
                self._patience = now + self._timeout
            if now < self._patience:
                self.due = self._patience
                return None
        self._patience = None
        self._earliest = now + self._interval
        return _Wanted(frame, now, again=not newer)

    def _part(self, wanted: _Wanted) -> bytes | None:
        """None while it is being made."""
        if wanted.frame is None or not self._pictures.show:
            jpeg = self._pictures.standby(wanted.at)
            return None if jpeg is None else mjpeg.part(jpeg, time.time())
        shown = self._pictures.of(wanted.frame, self._look, again=wanted.again)
        if shown is None:
            return None
        self._number = max(self._number, shown.frame.number)
        return shown.part

    def _done(self, wanted: _Wanted) -> None:
        self._wanted = None
        if wanted.frame is not None:
            self._number = max(self._number, wanted.frame.number)
