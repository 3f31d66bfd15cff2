"""A steady beat for sources that have no clock of their own; knows no pictures."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pacer:
    """Lets one call through each `interval` seconds; what was missed is not made up for."""

    def __init__(
        self,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._due: float | None = None

    def wait(self) -> int:
        """Sleeps until the next beat (the first one is now); returns how many were missed."""
        now = self._clock()
        due = now if self._due is None else self._due
        missed = int(max(0.0, now - due) / self._interval)
        if now < due:
            self._sleep(due - now)
        self._due = due + (missed + 1) * self._interval
        return missed
