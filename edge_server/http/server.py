"""cheroot's WSGI server, with a front of our own that collects the requests."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from typing import Any, Final

from cheroot import wsgi

from edge_server.http.connection import Connection
from edge_server.http.front import Front, Options
from edge_server.http.gateway import Gateway
from edge_server.http.refusal import Refusal
from edge_server.http.stream import Stream
from edge_server.http.streams import Streams
from edge_server.http.workers import Workers
from edge_server.line import Line

_log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS: Final = 5
_BACKLOG: Final = 256


def _ignore(_method: str, _status: int) -> None:
    """Until there is somebody to count."""


class Server(wsgi.Server):
    """Answers requests with at most `threads` threads, logging where everything else does."""

    _connections: Any

    def __init__(
        self, address: tuple[str, int], threads: int, options: Options, line: Line[Connection]
    ) -> None:
        super().__init__(
            address,
            None,  # the application comes when its model is loaded
            request_queue_size=_BACKLOG,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            server_name="edge-server",
        )
        # Requests that are there and wait for a thread: no longer than the threads take over.
        self.requests: Any = Workers(self, most=threads, waiting=2 * threads)
        # Uploads that are there and wait for the processors.
        self.line = line
        self.gateway = Gateway
        self._streams = Streams()
        # Told of requests that do not reach the application: their method and the status.
        self.count_refused: Callable[[str, int], None] = _ignore
        self._options = options

    def prepare(self) -> None:
        """Begin to listen. Raises OSError."""
        super().prepare()
        self._connections.close()
        self._connections = Front(self, self._options)

    def process_conn(self, conn: Connection) -> None:
        """A request is there: its turn now, or when those before it have had theirs."""
        if not conn.has_body or self.line.enter(conn):
            self.begin(conn)

    def begin(self, conn: Connection) -> None:
        """Have a request worked on by a thread, unless too many are there already."""
        following: Connection | None = conn
        while following is not None:
            try:
                self.requests.put(following)
            except queue.Full:
                refused, following = following, self.line.leave(following)
                self._connections.refuse(
                    refused, Refusal(503, "The server is busy: try again in a second.")
                )
            else:
                return

    def next_turn(self, conn: Connection) -> Connection | None:
        """A request is answered: the one that the same thread is to go on with, if it had a turn
        and another waits for it."""
        if not self.line.has_turn(conn):
            return None
        # The clients of the last answers have sent their next requests meanwhile.
        self._connections.fetch()
        return self.line.leave(conn)

    def end_turn(self, conn: Connection) -> None:
        """A request does not need the processors any more: another thread goes on with the next."""
        following = self.line.leave(conn)
        if following is None:
            self.thread_is_free()
        else:
            self.begin(following)

    def thread_is_free(self) -> None:
        """A thread works on no upload any more: the loop may have to look after the clients whom
        it knew."""
        self._connections.share()

    def put_conn(self, conn: Connection, *, is_busy: bool = False) -> None:
        """A request is answered, or the head of a stream is sent, by a thread that has more to do
        or not."""
        if conn.streamed is None:
            self._connections.put(conn, is_busy=is_busy)
            return
        conn.end_work()
        self._streams.add(Stream(conn, conn.streamed))

    def stop(self) -> None:
        """As cheroot; ends what is streamed too."""
        self._streams.stop()
        super().stop()

    def forget(self, conn: Connection) -> None:
        """A connection is closed."""
        self._connections.forget(conn)

    def error_log(self, msg: str = "", level: int = 20, traceback: bool = False) -> None:
        # Below an error it is a client that left, which needs no trace.
        _log.log(level, "%s", msg, exc_info=traceback and level >= logging.ERROR)
