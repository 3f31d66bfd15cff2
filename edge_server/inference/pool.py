"""Interpreters shared out among requests: a bounded wait, a deadline, shed load.

Knows nothing of what a model computes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar

from edge_server.deadline import Deadline
from edge_server.errors import ClientGone, DeadlineExceeded, Overloaded

T = TypeVar("T")

# How soon it is noticed that whoever waits has left. Seconds.
_LOOK_UP: Final = 0.1


@dataclass(frozen=True)
class Occupancy:
    """How many members are free and busy, and how many borrowers wait, of so many that may."""

    free: int
    busy: int
    waiting: int
    max_waiting: int


def overloaded(waiting: int) -> Overloaded:
    """The error for one more, where so many requests wait already."""
    return Overloaded(
        f"The server is busy ({waiting} requests wait already): try again in a second."
    )


class _Waiting(Generic[T]):
    """A thread that waits for a member, which nobody who comes later can take from it."""

    def __init__(self) -> None:
        self._box: SimpleQueue[T] = SimpleQueue()

    def get(self, seconds: float | None = None) -> T:
        """The member. Raises Empty where none comes in time."""
        return self._box.get(timeout=seconds)

    def put(self, member: T) -> None:
        self._box.put(member)


class Pool(Generic[T]):
    """Hands each of its members to one borrower at a time, to the one who has waited longest.

    At most `max_waiting` borrowers wait; one more is turned away at once. Patient ones do not count
    among them: they get what nobody else waits for.
    """

    def __init__(self, members: Sequence[T], *, max_waiting: int) -> None:
        if not members:
            raise ValueError("a pool needs a member")
        self._free = list(members)
        self._size = len(self._free)
        self._max_waiting = max_waiting
        # While anybody waits, no member is free.
        self._waiting: deque[_Waiting[T]] = deque()
        self._patient: deque[_Waiting[T]] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._size

    @property
    def free(self) -> int:
        """How many members nobody has now."""
        return len(self._free)

    @property
    def waiting(self) -> int:
        """How many borrowers wait now."""
        return len(self._waiting)

    @property
    def occupancy(self) -> Occupancy:
        """Who has the members now, and who waits for them."""
        with self._lock:
            free, waiting = len(self._free), len(self._waiting)
        return Occupancy(free, self._size - free, waiting, self._max_waiting)

    @contextmanager
    def borrow(self, deadline: Deadline | float, *, admitted: bool = False) -> Iterator[T]:
        """A member, for the length of the `with` block; handed back whatever happens in it.

        Waits until the deadline (or so many seconds). Raises Overloaded where too many wait
        already, but not for the rest of a request that was `admitted`; DeadlineExceeded when the
        time is up, ClientGone when nobody needs it any more.
        """
        member = self.take(deadline, admitted=admitted)
        try:
            yield member
        finally:
            self.give(member)

    def take(
        self, deadline: Deadline | float, *, admitted: bool = False, patient: bool = False
    ) -> T:
        """As borrow(), for whoever gives the member back with give().

        Who is `patient` lets all others go first, those who come later too.
        """
        if not isinstance(deadline, Deadline):
            deadline = Deadline(deadline)
        member = self._take(deadline, admitted, self._patient if patient else self._waiting)
        if deadline.is_gone():
            self.give(member)
            raise ClientGone("Whoever asked left before an interpreter was free.")
        return member

    def _take(self, deadline: Deadline, admitted: bool, line: deque[_Waiting[T]]) -> T:
        with self._lock:
            if self._free:
                return self._free.pop()
            is_full = line is self._waiting and len(line) >= self._max_waiting
            if is_full and not admitted:
                raise overloaded(len(self._waiting))
            own: _Waiting[T] = _Waiting()
            line.append(own)
        while True:
            try:
                return own.get(min(_LOOK_UP, deadline.remaining))
            except Empty:
                if deadline.remaining == 0 or deadline.is_gone():
                    return self._last_chance(own, line, deadline)

    def _last_chance(self, own: _Waiting[T], line: deque[_Waiting[T]], deadline: Deadline) -> T:
        """A member that came at the very moment when the wait ended is taken, not lost."""
        with self._lock:
            if own not in line:
                return own.get()
            line.remove(own)
        if deadline.is_gone():
            raise ClientGone("Whoever asked left while the request waited.")
        raise DeadlineExceeded(
            f"No interpreter became free within {deadline.seconds:g} s: "
            "try again, with fewer requests at a time."
        )

    def give(self, member: T) -> None:
        """Hand a member back, to whoever has waited longest."""
        with self._lock:
            line = self._waiting or self._patient
            if not line:
                # Last in, first out: the one just used has its weights in the caches.
                self._free.append(member)
                return
            next_one = line.popleft()
        next_one.put(member)
