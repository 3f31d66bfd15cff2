"""How fast a source delivers, measured from outside; knows nothing of what is in the pictures."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from camera.errors import CameraError
from camera.frame import Frame, Picture
from camera.grabber import Grabber
from camera.sources.source import Source
from camera.state import CameraState


@dataclass(frozen=True)
class Measurement:
    """What a source delivered.

    frames   how many; seconds: from the first one to the last
    fps      frames a second
    read_ms  median and longest time of one read, waiting for the picture included, in ms
    drops    frames that are missing between others, judged by the median distance
    """

    frames: int
    seconds: float
    fps: float
    read_ms: tuple[float, float]
    drops: int


class TimedSource:
    """Another source with the begin and end of each read noted in `reads` (monotonic seconds)."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.reads: list[tuple[float, float]] = []

    def open(self) -> None:
        self._source.open()

    def read(self) -> Picture:
        began = time.monotonic()
        picture = self._source.read()
        self.reads.append((began, time.monotonic()))
        return picture

    def close(self) -> None:
        self._source.close()

    def describe(self) -> str:
        return self._source.describe()


def summarise(reads: Sequence[tuple[float, float]]) -> Measurement:
    """Begin and end of each read (seconds) -> Measurement; CameraError with fewer than two."""
    if len(reads) < 2:
        raise CameraError(
            "The camera gave fewer than two pictures in that time; measure for longer."
        )
    ends = [end for _, end in reads]
    distances = [later - earlier for earlier, later in pairwise(ends)]
    seconds = ends[-1] - ends[0]
    usual = statistics.median(distances)
    durations = [1000.0 * (end - begin) for begin, end in reads]
    return Measurement(
        frames=len(reads),
        seconds=seconds,
        fps=len(distances) / seconds if seconds > 0 else 0.0,
        read_ms=(statistics.median(durations), max(durations)),
        drops=sum(max(0, round(gap / usual) - 1) for gap in distances) if usual > 0 else 0,
    )


def frame_after(grabber: Grabber, number: int, timeout: float) -> Frame:
    """The first frame above `number`; CameraError when the camera is lost, or at `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        frame = grabber.wait_for_newer(number, 0.1)
        if frame is not None:
            return frame
        status = grabber.status()
        if status.state is CameraState.LOST or time.monotonic() >= deadline:
            raise CameraError(status.trouble())


def measure(source: Source, seconds: float, timeout: float = 15.0) -> tuple[Measurement, Frame]:
    """Reads for `seconds` after the first picture, which may take `timeout`; and the last frame.

    Raises CameraError when the camera is lost on the way.
    """
    timed = TimedSource(source)
    with Grabber(timed, name="measure") as grabber:
        frame = frame_after(grabber, 0, timeout)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            frame = frame_after(grabber, frame.number, timeout)
    return summarise(timed.reads), frame
