"""Interpreters shared out among requests: a bounded wait, a deadline, shed load.

Knows nothing of what a model computes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from edge_server.errors import DeadlineExceeded, Overloaded

T = TypeVar("T")


class Pool(Generic[T]):
    """Hands each of its members to one borrower at a time.

    At most `max_waiting` borrowers wait; one more is turned away at once.
    """

    def __init__(self, members: Sequence[T], *, max_waiting: int) -> None:
        if not members:
            raise ValueError("a pool needs a member")
        self._free = list(members)
        self._size = len(self._free)
        self._max_waiting = max_waiting
        self._waiting = 0
        self._condition = threading.Condition()

    def __len__(self) -> int:
        return self._size

    @contextmanager
    def borrow(self, timeout: float) -> Iterator[T]:
        """A member, for the length of the `with` block; handed back whatever happens in it.

        Waits at most `timeout` seconds. Raises Overloaded where too many wait already,
        DeadlineExceeded when the time is up.
        """
        member = self._take(timeout)
        try:
            yield member
        finally:
            with self._condition:
                # Last in, first out: the one just used has its weights in the caches.
                self._free.append(member)
                self._condition.notify()

    def _take(self, timeout: float) -> T:
        deadline = time.monotonic() + timeout
        with self._condition:
            if not self._free and self._waiting >= self._max_waiting:
                raise Overloaded(
                    f"The server is busy ({self._waiting} requests wait already): "
                    "try again in a second."
                )
            self._waiting += 1
            try:
                while not self._free:
                    remaining = deadline - time.monotonic()
                    if remaining <= 0 or not self._condition.wait(remaining):
                        if self._free:
                            break
                        raise DeadlineExceeded(
                            f"No interpreter became free within {timeout:g} s: "
                            "try again, with fewer requests at a time."
                        )
            finally:
                self._waiting -= 1
            return self._free.pop()
