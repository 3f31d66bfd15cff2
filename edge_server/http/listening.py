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

from edge_server.http.aside import Aside
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
        self._aside = Aside() if Aside.is_offered else None
        self._is_shared = False  # the loop looks for those aside as well

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
        with self._lock:
            if self._loop.get_map() is None:
                raise ConnectionAbortedError
            if not connection.listened_for:
                self._loop.register(connection.socket, events, connection)
            elif connection.listened_for != events:
                self._loop.modify(connection.socket, events, connection)
            connection.listened_for = events

    def lay_aside(self, connection: Connection) -> bool:
        """For pick_up(); False where the system has no such thing. Raises OSError as listen()."""
        if self._aside is None:
            return False
        try:
            self._aside.add(connection)
        except ValueError as error:  # the loop has ended
            raise ConnectionAbortedError from error
        return True

    def pick_up(self, seconds: float = 0.0) -> Iterator[Connection]:
        """Those that were laid aside and from which something has come, or comes within so many
        seconds: no longer listened to."""
        return iter(()) if self._aside is None else self._aside.pick_up(seconds)

    def share(self) -> None:
        """Have the loop pick up as well, or leave it to the threads if all are busy now.

        To be called when that has changed, by whoever has changed it.
        """
        with self._lock:
            if self._aside is None or self._loop.get_map() is None:
                return
            wanted = len(self._aside) > 0 and not self._are_busy()
            if wanted is self._is_shared:
                return
            self._is_shared = wanted
            if wanted:
                self._loop.register(self._aside, selectors.EVENT_READ)
            else:
                self._loop.unregister(self._aside)

    def remove(self, connection: Connection) -> None:
        """Listen to it no more."""
        if self._aside is not None and self._aside.remove(connection):
            return
        with self._lock, contextlib.suppress(KeyError, ValueError):
            if connection.listened_for:
                connection.listened_for = 0
                self._loop.unregister(connection.socket)

    def waiting(self) -> list[Connection]:
        """All that are listened to."""
        with self._lock:
            found = [key.data for key in (self._loop.get_map() or {}).values()]
        lying = [] if self._aside is None else self._aside.all()
        return [connection for connection in found if connection is not None] + lying

    def refuse_more(self) -> None:
        """Take no new connections."""
        with self._lock, contextlib.suppress(KeyError, ValueError):
            self._loop.unregister(self._listener)

    def close(self) -> None:
        """Nothing is listened to any more."""
        with self._lock:
            self._loop.close()
            if self._aside is not None:
                self._aside.close()
