"""Who watches: at most so many, each with the rate at which it gets pictures; knows no sockets."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from camera.errors import TooManyViewers

_WINDOW: Final = 1.0  # seconds


class Link(Protocol):
    """The way to one viewer, whatever it is made of."""

    def backlog(self) -> int:
        """Bytes that were sent and that the viewer's side does not have yet."""


class Unknown:
    """The way to a viewer of which nothing is known but what it pulls."""

    def backlog(self) -> int:
        return 0


class Viewer:
    """One who watches."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex[:16]
        self.link: Link = Unknown()
        self._times: deque[float] = deque(maxlen=256)

    def sent(self) -> None:
        """One more picture."""
        self._times.append(time.monotonic())

    @property
    def fps(self) -> int:
        """Pictures in the last second."""
        since = time.monotonic() - _WINDOW
        return sum(at > since for at in tuple(self._times))


class Viewers:
    """Counts them, and lets no more in than there may be; safe from any thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._there: dict[str, Viewer] = {}

    @contextmanager
    def one_more(self) -> Iterator[Viewer]:
        """A viewer while it lasts; raises TooManyViewers at the cap."""
        viewer = Viewer()
        with self._lock:
            if len(self._there) >= self.most:
                raise TooManyViewers(self.most)
            self._there[viewer.name] = viewer
        try:
            yield viewer
        finally:
            with self._lock:
                del self._there[viewer.name]

    def now(self) -> list[Viewer]:
        """Those who watch."""
        with self._lock:
            return list(self._there.values())

    def __len__(self) -> int:
        return len(self._there)
