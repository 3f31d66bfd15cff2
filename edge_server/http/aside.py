"""Connections laid aside for the threads that answer, which look for new requests between two.

A plain selector would be told of each connection anew for each of its requests; epoll has it once,
and is told when to look at it again. Source: epoll(7), EPOLLONESHOT.
"""

from __future__ import annotations

import select
from collections.abc import Iterator

from edge_server.http.connection import Connection


class Aside:
    """For any number of threads. On Linux alone: elsewhere `is_offered` is false."""

    is_offered = hasattr(select, "epoll")

    def __init__(self) -> None:
        self._epoll = select.epoll()
        # Those that are looked at, by their file descriptors; each operation on it is atomic.
        self._lying: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._lying)

    def fileno(self) -> int:
        """Readable when something has come from any of them."""
        return self._epoll.fileno()

    def add(self, connection: Connection) -> None:
        """Lay one aside. Raises OSError or ValueError where it or this is closed."""
        number = connection.socket.fileno()
        change = self._epoll.modify if connection.was_aside else self._epoll.register
        self._lying[number] = connection
        connection.was_aside = True
        try:
            change(number, select.EPOLLIN | select.EPOLLONESHOT)
        except (OSError, ValueError):
            self._lying.pop(number, None)
            raise

    def remove(self, connection: Connection) -> bool:
        """Whether it lay aside; it does no more."""
        number = connection.socket.fileno()
        lies = self._lying.get(number) is connection
        return lies and self._lying.pop(number, None) is not None

    def pick_up(self, seconds: float) -> Iterator[Connection]:
        """Those from which something has come, or comes in time: they lie aside no more."""
        try:
            ready = self._epoll.poll(seconds) if self._lying else []
        except ValueError:  # the server has stopped
            return
        for number, _ in ready:
            connection = self._lying.pop(number, None)
            if connection is not None:
                yield connection

    def all(self) -> list[Connection]:
        """All that lie aside."""
        return list(self._lying.values())

    def close(self) -> None:
        """None can be added any more."""
        self._epoll.close()
