"""Tells whoever listens that there is something new; knows nothing of what."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Bell:
    """Rung from any thread; whoever hears it may not wait, or it would hold up the ringer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hearers: Counter[Callable[[], None]] = Counter()
        self._heard_by: tuple[Callable[[], None], ...] = ()

    @contextmanager
    def heard(self, by: Callable[[], None]) -> Iterator[None]:
        """Calls `by` at every ring while it lasts; once only, however often it is given."""
        self._count(by, 1)
        try:
            yield
        finally:
            self._count(by, -1)

    def ring(self) -> None:
        """Something is new."""
        for tell in self._heard_by:
            tell()

    def _count(self, by: Callable[[], None], change: int) -> None:
        with self._lock:
            self._hearers[by] += change
            self._hearers = +self._hearers  # without those that hear it no more
            self._heard_by = tuple(self._hearers)
