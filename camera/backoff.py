"""How long to wait before the next attempt; knows nothing of what is attempted."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with jitter: pauses double, from `first` to at most `longest` seconds.

    Jitter takes up to half of a pause away, so that several cameras of one hub that lost power
    together do not come back together.
    """

    first: float = 0.5
    longest: float = 15.0
    random: Callable[[], float] = random.random

    def pause(self, failures: int) -> float:
        """Seconds to wait after the given number (1, 2, ...) of failures in a row."""
        # The exponent is bounded because a float overflows after a thousand doublings.
        full = min(self.longest, self.first * 2.0 ** min(failures - 1, 32))
        return full * (1.0 - 0.5 * self.random())
