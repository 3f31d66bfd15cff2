"""How many follow the live answers, each with a thread of the server's; no more than may."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from edge_server.errors import TooManySubscribers


class Subscribers:
    """Counts those who follow; for any number of threads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self._lock = threading.Lock()

    @contextmanager
    def subscribed(self) -> Iterator[None]:
        """Counts one more while it lasts. Raises TooManySubscribers."""
        with self._lock:
            if self.count >= self.most:
                raise TooManySubscribers(
                    f"All {self.most} places for subscribers are taken: close one, or raise "
                    "--subscribers."
                )
            self.count += 1
        try:
            yield
        finally:
            with self._lock:
                self.count -= 1
