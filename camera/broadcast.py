"""One camera for many viewers: newest frames first, never a frozen picture.

Knows nothing of HTTP servers; who asks a feed slowly skips frames by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from camera import mjpeg
from camera.caption import Caption
from camera.errors import CameraError
from camera.feed import Feed
from camera.frame import Frame
from camera.grabber import Grabber
from camera.looks import Look, Looks
from camera.pictures import Pictures
from camera.viewers import Viewer, Viewers


class Broadcast:
    """Shows the frames of a grabber to viewers and in snapshots; safe from any thread.

    quality      of the JPEGs that are encoded here, 1..100
    max_viewers  how many `viewer()`s there may be at one time
    max_age      seconds that a snapshot's frame may be old
    caption      what is to be written on pictures that are to have a caption, now; None for nothing
    """

    BOUNDARY = mjpeg.BOUNDARY
    CONTENT_TYPE = mjpeg.CONTENT_TYPE
    preamble = mjpeg.preamble()

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
        self._pictures = Pictures(grabber, self._looks, quality)

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
        return self._pictures.placeholder()

    def viewer(self) -> AbstractContextManager[Viewer]:
        """Counts one viewer while it lasts; raises TooManyViewers at the cap."""
        return self._viewers.one_more()

    def feed(
        self,
        look: Look | None = None,
        max_fps: float | None = None,
        timeout: float = 0.75,
        viewer: Viewer | None = None,
    ) -> Feed:
        """The parts of a viewer's stream, for a sender that has many. See Feed for the numbers."""
        return Feed(
            self._pictures, viewer or Viewer(), look or Look(), max_fps=max_fps, timeout=timeout
        )

    def heard(self, by: Callable[[], None]) -> AbstractContextManager[None]:
        """Calls `by`, from any thread, when there may be something new for a feed."""
        return self._pictures.heard(by)

    def parts(self, feed: Feed) -> Iterator[bytes]:
        """The chunks of an MJPEG stream of type CONTENT_TYPE, for a sender that has one alone.

        Ends when the grabber stops.
        """
        yield self.preamble
        woken = threading.Event()
        with self.heard(woken.set):
            while not feed.is_over:
                woken.clear()
                part = feed.next()
                if part is not None:
                    yield part
                else:
                    woken.wait(max(0.0, feed.due - time.monotonic()))

    def _is_fresh(self, frame: Frame) -> bool:
        return frame.age() <= self._max_age
