"""Until when a request has to be answered, and whether anybody still waits for the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from edge_server.errors import ClientGone, DeadlineExceeded
from edge_server.line import NO_TURN, Turn

DEFAULT_SECONDS: Final = 30.0
# Keys of the WSGI environment that our own server sets: what a Deadline is made of.
ARRIVED: Final = "edge_server.arrived"
IS_GONE: Final = "edge_server.is_gone"
TURN: Final = "edge_server.turn"


def _never() -> bool:
    return False


class Deadline:
    """One for a whole request, with all its images; passed down to whatever takes time for it."""

    def __init__(
        self,
        seconds: float = DEFAULT_SECONDS,
        *,
        since: float | None = None,
        is_gone: Callable[[], bool] = _never,
        turn: Turn = NO_TURN,
    ) -> None:
        """`since` is when the request came, on time.monotonic()'s clock: now, if it is not given.
        `is_gone` tells whether whoever asked has left; `turn` is how it came to be worked on."""
        self.seconds = seconds
        self.is_gone = is_gone
        self.turn = turn
        self._at = (time.monotonic() if since is None else since) + seconds

    def unwatched(self) -> Deadline:
        """The same deadline without its client, whom to ask for costs a system call."""
        part = Deadline(self.seconds, turn=self.turn)
        part._at = self._at
        return part

    @property
    def elapsed(self) -> float:
        """Seconds since the request came."""
        return self.seconds - (self._at - time.monotonic())

    @property
    def remaining(self) -> float:
        """Seconds that are left, 0 at least."""
        return max(0.0, self._at - time.monotonic())

    def check(self) -> None:
        """Raises DeadlineExceeded or ClientGone where further work would be for nothing."""
        if self.is_gone():
            raise ClientGone("Whoever asked has left.")
        self.check_time()

    def check_time(self) -> None:
        """Raises DeadlineExceeded alone: does not ask for the client, which costs a system call."""
        if time.monotonic() >= self._at:
            raise DeadlineExceeded(
                f"The request was not answered within {self.seconds:g} s: "
                "send fewer images, or fewer requests at a time."
            )
