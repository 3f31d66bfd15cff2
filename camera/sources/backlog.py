"""Which pictures of a live stream are late, told by their timestamps; knows no stream.

A network buffers what nobody has read yet, so after a pause the oldest pictures come first.
"""

from __future__ import annotations

from typing import Final

# Pictures that come in bursts are no backlog; a backlog is left behind as far as it goes. Seconds.
_TOLERATED: Final = 0.3
_CAUGHT_UP: Final = 0.1
# Pictures that are already there take only the time to decode them. Seconds.
_AT_ONCE: Final = 0.01
# The shortest way a picture took is forgotten after one to two of these, as clocks drift. Seconds.
_WINDOW: Final = 60.0


class Backlog:
    """Compares the stream's clock with ours; to be told of every picture, in order."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None
        self._settled = False
        self._late = True
        self._shortest = [float("inf"), float("inf")]
        self._since = 0.0

    def late(self, timestamp: float, now: float) -> bool:
        """Whether a newer picture is already waiting; both in seconds, from any two clocks."""
        last, self._last = self._last, (timestamp, now)
        if not self._settled:
            # What was buffered while the stream was opened comes faster than it was filmed.
            self._settled = last is not None and now - last[1] >= max(
                _AT_ONCE, 0.5 * (timestamp - last[0])
            )
            self._late = not self._settled
            self._begin_window()
        elif last is not None and timestamp != last[0]:
            way = now - timestamp
            if now - self._since > _WINDOW:
                self._shortest = [self._shortest[1], way]
                self._since = now
            self._shortest[1] = min(self._shortest[1], way)
            behind = way - min(self._shortest)
            self._late = behind > (_CAUGHT_UP if self._late else _TOLERATED)
        return self._late

    def accept(self) -> None:
        """Takes the newest picture as one in time, whatever its timestamp says."""
        self._settled, self._late = True, False
        self._begin_window()

    def _begin_window(self) -> None:
        if self._last is not None:
            timestamp, now = self._last
            self._shortest = [float("inf"), now - timestamp]
            self._since = now


class Slices:
    """Tells whole pictures from those where a part is still to come.

    Where a camera sends nothing but key frames, each in slices, FFmpeg hands out a picture once a
    slice, always with the same timestamp; only the last one is whole. How many there are is learned
    from the picture before.
    """

    def __init__(self) -> None:
        self._timestamp: float | None = None
        self._count = self._usual = 1

    def whole(self, timestamp: float) -> bool:
        """To be told of every picture, in order."""
        if timestamp == self._timestamp:
            self._count += 1
        else:
            self._timestamp, self._usual, self._count = timestamp, self._count, 1
        return self._count >= self._usual
