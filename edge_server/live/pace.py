"""How often frames are classified: as often as somebody could notice, and not all of the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from edge_server.inference.preprocessing import FloatTensor

# Ten answers a second are as many as a person can follow, and four are enough to notice that a
# still scene begins to move. Seconds from one to the next.
_MOVING: Final = 0.1
_STILL: Final = 0.25
# A scene is still when no score has been further from its average for so many seconds.
_CHANGE: Final = 0.05
_CALM_AFTER: Final = 1.0


class Pace:
    """When the next frame is due.

    Without a rate, a rest is at least as long as the work before it: live answers take half of
    what one request at a time would, at most.
    """

    def __init__(self, fps: float = 0.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`fps` is how many frames a second at most; 0 for as many as pay."""
        self._interval = 1.0 / fps if fps else 0.0
        self._clock = clock
        self._due = self._moved_at = clock()

    @property
    def rest(self) -> float:
        """Seconds until the next frame may be classified, 0 at least."""
        return max(0.0, self._due - self._clock())

    def worked(self, seconds: float, *, moves: bool) -> None:
        """A frame was classified in so many seconds; `moves` says whether the scene does."""
        now = self._clock()
        if moves:
            self._moved_at = now
        if self._interval:
            # From when it was due, not from when its frame had come, or the rate would fall short.
            begun = now - seconds
            self._due = max(self._due, begun - self._interval / 2) + self._interval
        else:
            calm = now - self._moved_at > _CALM_AFTER
            self._due = max(now + seconds, now - seconds + (_STILL if calm else _MOVING))


def moves(scores: FloatTensor, average: FloatTensor | None) -> bool:
    """Whether a frame's scores, float32 (classes,), tell of another scene than those before."""
    if average is None or average.shape != scores.shape:
        return True
    return bool(np.abs(scores - average).max() > _CHANGE)
