"""One camera for many viewers: newest frames first, never a frozen picture.

Knows nothing of HTTP servers; a generator that is pulled slowly skips frames by itself.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

from camera import mjpeg
from camera.caption import Caption
from camera.errors import CameraError
from camera.frame import Frame
from camera.grabber import Grabber
from camera.jpeg import encode_rgb
from camera.looks import Look, Looks, Shown
from camera.viewers import Viewer, Viewers

# A viewer that leaves while nothing is sent is noticed within so long. Seconds.
_LOOK_ROUND: Final = 0.5
# So often a viewer that has not taken its last pictures is looked at. Seconds.
_BEHIND: Final = 0.01
# What TLS and the first headers add to a picture, at most in bytes.
_FRAMING: Final = 4096
# A viewer that takes nothing for so long has vanished: switched off, or out of the radio's reach.
# Who walks from one access point to another is back earlier. Seconds.
_VANISHED: Final = 5.0


class Broadcast:
    """Shows the frames of a grabber to viewers and in snapshots; safe from any thread.

    quality      of the JPEGs that are encoded here, 1..100
    max_viewers  how many `viewer()`s there may be at one time
    max_age      seconds that a snapshot's frame may be old
    caption      what is to be written on pictures that are to have a caption, now; None for nothing
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
        caption: Callable[[], Caption | None] = lambda: None,
    ) -> None:
        if not 1 <= quality <= 100:
            raise ValueError("The quality of a JPEG is 1..100.")
        self._grabber = grabber
        self._quality = quality
        self._max_age = max_age
        self._looks = Looks(quality, caption)
        self._viewers = Viewers(max_viewers)
        self._drawing = threading.Lock()
        self._drawn: tuple[object, bytes] | None = None

    @property
    def quality(self) -> int:
        """Of the JPEGs that are encoded here."""
        return self._quality

    @property
    def viewers(self) -> int:
        """How many viewers there are now."""
        return len(self._viewers)

    @property
    def max_viewers(self) -> int:
        """How many there may be."""
        return self._viewers.most

    @property
    def rates(self) -> dict[str, int]:
        """Pictures in the last second that each viewer was sent, by the viewer's name."""
        return {viewer.name: viewer.fps for viewer in self._viewers.now()}

    def snapshot(self, timeout: float = 2.0, look: Look | None = None) -> tuple[Frame, bytes]:
        """The newest frame, at most `max_age` old, and its JPEG in this look.

        Waits up to `timeout` seconds for one; raises CameraError when none comes.
        """
        shown = self._looks.show(self.fresh(timeout), look or Look())
        return shown.frame, shown.jpeg

    def fresh(self, timeout: float = 2.0) -> Frame:
        """The newest frame, as for a snapshot."""
        frame = self._grabber.latest()
        if frame is None or not self._is_fresh(frame):
            frame = self._grabber.wait_for_newer(frame.number if frame else 0, timeout)
        if frame is None:
            raise CameraError(self._grabber.status().trouble())
        return frame

    def write(self, frame: Frame, caption: Caption | None, width: int | None) -> bytes:
        """A JPEG of a frame with a caption of its own. Raises CameraError for a damaged one."""
        return self._looks.write(frame, caption, width)

    def placeholder(self) -> bytes:
        """A JPEG of 640x480 that says why there is no picture, drawn once per cause."""
        from camera import placeholder  # noqa: PLC0415, fonts are large, and few servers draw

        notice = placeholder.notice(self._grabber.status())
        with self._drawing:
            if self._drawn is None or self._drawn[0] != notice:
                self._drawn = (notice, encode_rgb(placeholder.draw(notice), self._quality))
            return self._drawn[1]

    def viewer(self) -> AbstractContextManager[Viewer]:
        """Counts one viewer while it lasts; raises TooManyViewers at the cap."""
        return self._viewers.one_more()

    def parts(
        self,
        look: Look | None = None,
        max_fps: float | None = None,
        timeout: float = 0.75,
        viewer: Viewer | None = None,
    ) -> Iterator[bytes]:
        """The chunks of an MJPEG stream of type CONTENT_TYPE.

        Ends when the grabber stops; raises BrokenPipeError when the viewer has left.

        max_fps  at most so many pictures a second
        timeout  seconds without a new frame until the last picture is sent again, or a placeholder
                 when the camera is gone
        """
        if max_fps is not None and max_fps <= 0:
            raise ValueError("max_fps must be above 0.")
        interval = 1.0 / max_fps if max_fps else 0.0
        timeout = max(timeout, interval)
        viewer, look = viewer or Viewer(), look or Look()
        number = 0
        part = b""
        due = time.monotonic()
        yield mjpeg.preamble()
        while self._has_taken(viewer, len(part)) and self._pause(viewer, due):
            frame = self._newer(viewer, number, time.monotonic() + timeout)
            if self._is_over(viewer, 0.0):
                return
            due = time.monotonic() + interval
            shown = self._show(frame, look)
            number = max(number, shown.frame.number if shown else 0, frame.number if frame else 0)
            if shown is not None:
                part = shown.part
            elif not self._grabber.status().shows:
                part = mjpeg.part(self.placeholder(), time.time())
            if part:
                viewer.sent()
                yield part

    def _show(self, newer: Frame | None, look: Look) -> Shown | None:
        """`newer`, or the newest one again; None where there is nothing whole to be seen."""
        frame = newer or self._grabber.latest()
        if frame is None or not self._grabber.status().shows:
            return None
        try:
            return self._looks.show(frame, look, again=newer is None)
        except CameraError:  # a damaged JPEG; the next one may be whole
            return None

    def _has_taken(self, viewer: Viewer, last: int) -> bool:
        """Waits until a viewer has all but the last picture; False when the grabber stops.

        What is taken for it now would be old when it gets there: the buffers of sockets hold
        seconds of small pictures.
        """
        left, since = viewer.link.backlog(), time.monotonic()
        while left > last + _FRAMING:
            if self._is_over(viewer, _BEHIND):
                return False
            if time.monotonic() - since > _VANISHED:
                raise BrokenPipeError(errno.EPIPE, "The viewer has taken nothing for long.")
            now = viewer.link.backlog()
            if now < left:
                since = time.monotonic()
            left = now
        return True

    def _pause(self, viewer: Viewer, until: float) -> bool:
        """Sleeps; False when the stream is over."""
        while (left := until - time.monotonic()) > 0:
            if self._is_over(viewer, min(left, _LOOK_ROUND)):
                return False
        return True

    def _newer(self, viewer: Viewer, number: int, until: float) -> Frame | None:
        """The newest frame once it is newer than `number`; None where none has come, or all is
        over."""
        while (left := until - time.monotonic()) > 0:
            frame = self._grabber.wait_for_newer(number, min(left, _LOOK_ROUND))
            if frame is not None or self._is_over(viewer, 0.0):
                return frame
        return None

    def _is_over(self, viewer: Viewer, seconds: float) -> bool:
        """Whether the grabber has stopped, within `seconds`.

        Raises BrokenPipeError when the viewer has left.
        """
        if self._grabber.wait_for_stop(seconds):
            return True
        if viewer.link.is_gone():
            raise BrokenPipeError(errno.EPIPE, "The viewer has left.")
        return False

    def _is_fresh(self, frame: Frame) -> bool:
        return frame.age() <= self._max_age
