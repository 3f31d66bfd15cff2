"""Which connections are listened to, and where: in the loop, or by the threads that answer.

While all of them are busy, a client that has its answer sends its next request to be picked up by
one of them between two answers: the loop's thread would interrupt a model for it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterator

from edge_server.http.connection import Connection


class Listening:
    """The loop calls select(); everything else is for any thread."""

    def __init__(self, listener: socket.socket, *, are_busy: Callable[[], bool]) -> None:
        """`listener` is the socket that takes connections, `are_busy` says whether all threads
        that may work at a time do, so that one will pick up soon."""
        self._listener, self._are_busy = listener, are_busy
        self._lock = threading.Lock()
        self._loop = selectors.DefaultSelector()
        self._loop.register(listener, selectors.EVENT_READ)
        self._aside = selectors.DefaultSelector()
        self._is_watched = False  # whether the loop looks for those aside as well

    def select(self, seconds: float) -> Iterator[Connection | None]:
        """Those from which something has come, or to which it can be sent; None for new ones."""
        for key, _ in self._loop.select(seconds):
            if key.fileobj is self._listener:
                yield None
            elif key.fileobj is self._aside:
                yield from self.pick_up()
            else:
                yield key.data

    def listen(self, connection: Connection, events: int) -> None:
        """In the loop. Raises ConnectionAbortedError where it has ended."""
        self._register(connection, events, self._loop)

    def lay_aside(self, connection: Connection) -> None:
        """For pick_up(). Raises as listen() does."""
        self._register(connection, selectors.EVENT_READ, self._aside)
        if not self._are_busy():
            self.share()

    def pick_up(self) -> Iterator[Connection]:
        """Those that were laid aside and from which something has come: no longer listened to."""
        if self._aside.get_map():
            for key, _ in self._aside.select(0):
                if self._remove(key.data, self._aside):
                    yield key.data

    def share(self) -> None:
        """Have the loop pick up as well, or leave it to the threads if they are busy now.

        To be called when that has changed, by whoever has changed it.
        """
        with self._lock:
            wanted = bool(self._aside.get_map()) and not self._are_busy()
            if wanted is not self._is_watched and self._loop.get_map() is not None:
                self._is_watched = wanted
                if wanted:
                    self._loop.register(self._aside, selectors.EVENT_READ)
                else:
                    self._loop.unregister(self._aside)

    def remove(self, connection: Connection) -> None:
        """Listen to it no more."""
        self._remove(connection, connection.listener)

    def waiting(self) -> list[Connection]:
        """All that are listened to."""
        with self._lock:
            tables = [selector.get_map() or {} for selector in (self._loop, self._aside)]
            found = [key.data for table in tables for key in table.values()]
        return [connection for connection in found if connection is not None]

    def refuse_more(self) -> None:
        """Take no new connections."""
        with self._lock, contextlib.suppress(KeyError, ValueError):
            self._loop.unregister(self._listener)

    def close(self) -> None:
        """Nothing is listened to any more."""
        with self._lock:
            self._loop.close()
            self._aside.close()

    def _register(
        self, connection: Connection, events: int, selector: selectors.BaseSelector
    ) -> None:
        with self._lock:
            if self._loop.get_map() is None:
                raise ConnectionAbortedError
            if connection.listener is None:
                selector.register(connection.socket, events, connection)
                connection.listener = selector
            elif connection.listened_for != events:
                connection.listener.modify(connection.socket, events, connection)
            connection.listened_for = events

    def _remove(self, connection: Connection, selector: selectors.BaseSelector | None) -> bool:
        """False where another thread has done so."""
        with self._lock, contextlib.suppress(KeyError, ValueError):
            if selector is not None and connection.listener is selector:
                connection.listener = None
                selector.unregister(connection.socket)
                return True
        return False
