"""Requests with pictures wait here, unread, until the processors have time for them.

The thread that has answered one goes on with the next: nobody is woken for it, and what both need
of the interpreter lies in the caches. A thread that reads its request and then waits would push the
model of those that compute out of them. Knows nothing of HTTP or models.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar


def _yes() -> bool:
    return True


@dataclass(slots=True)
class Turn:
    """How a request has come to be worked on.

    waited          seconds in line
    is_turned_away  whether it was one too many: it is worked on for its refusal alone
    ahead           how many waited in line when it came to be turned away
    is_alone        whether no other request has a turn or waits for one
    """

    waited: float = 0.0
    is_turned_away: bool = False
    ahead: int = 0
    is_alone: Callable[[], bool] = _yes


# Of what waits in no line.
NO_TURN: Final = Turn()


class Waiting(Protocol):
    """A request that is there, by its connection."""

    turn: Turn
    # On time.monotonic()'s clock.
    arrived: float

    def is_gone(self) -> bool:
        """Whether the client has closed the connection."""


R = TypeVar("R", bound=Waiting)


class Line(Generic[R]):
    """So many turns at a time; whoever comes then waits, in the order of coming.

    For any number of threads. A turn that ends early, since its request waits for something else
    than the processors, is not given twice.
    """

    def __init__(self, turns: int, *, max_waiting: int, seconds: float) -> None:
        """At most `max_waiting` wait, for at most so many seconds."""
        self._turns, self._max_waiting, self._seconds = turns, max_waiting, seconds
        self._lock = threading.Lock()
        self._at_work: set[R] = set()
        self._waiting: deque[R] = deque()

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._waiting)

    @property
    def is_taken(self) -> bool:
        """Whether all turns are."""
        return len(self._at_work) >= self._turns

    def is_alone(self) -> bool:
        """Whether nobody, or one only, has a turn, and none waits for one."""
        return len(self._at_work) <= 1 and not self._waiting

    def has_turn(self, request: R) -> bool:
        """Whether it has one, which did not end yet."""
        return request in self._at_work

    def enter(self, request: R) -> bool:
        """Whether to work on a request now; otherwise it waits, and leave() or overdue() gives it.

        One that is turned away is to be worked on too: that refuses it, in its own words.
        """
        with self._lock:
            if not self.is_taken:
                self._at_work.add(request)
                request.turn = Turn(is_alone=self.is_alone)
                return True
            if len(self._waiting) < self._max_waiting:
                self._waiting.append(request)
                return False
            request.turn = Turn(is_turned_away=True, ahead=len(self._waiting))
            return True

    def leave(self, request: R) -> R | None:
        """A turn ends: the request whose turn it is now, if one has waited."""
        with self._lock:
            if request not in self._at_work:
                return None
            self._at_work.discard(request)
            if not self._waiting:
                return None
            following = self._waiting.popleft()
            self._at_work.add(following)
        following.turn = Turn(time.monotonic() - following.arrived, is_alone=self.is_alone)
        return following

    def overdue(self) -> list[R]:
        """Those whose time is up or whose client has left: they wait no more, and are to be worked
        on, which says so to whom it concerns."""
        now = time.monotonic()
        late = [r for r in list(self._waiting) if now - r.arrived >= self._seconds or r.is_gone()]
        with self._lock:
            found = [request for request in late if request in self._waiting]
            for request in found:
                self._waiting.remove(request)
        for request in found:
            request.turn = Turn(now - request.arrived)
        return found
