"""The one thread that waits for clients: it takes connections and collects whole requests.

Handshakes, headers and bodies that come slowly, or never, cost a little memory and no thread;
the threads that answer get a request when all of it is there. Takes the place of cheroot's
ConnectionManager.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

from edge_server import memory, request_context
from edge_server.http.connection import Connection, Phase
from edge_server.http.intake import Limits
from edge_server.http.listening import Listening
from edge_server.http.refusal import Refusal
from edge_server.http.request import KEEP_ALIVE
from edge_server.http.request_line import log_line
from edge_server.http.tls import Certificate
from edge_server.line import Line
from edge_server.logs import fields

_log = logging.getLogger(__name__)

# Below the usual limit of 1024 open files, with room for models, cameras and the log.
MAX_CONNECTIONS: Final = 512
_ACCEPT_AT_ONCE: Final = 32
_SEND_BUFFER: Final = 128 * 1024
_PATIENCE: Final = {
    Phase.HANDSHAKE: 10.0,
    Phase.IDLE: KEEP_ALIVE,
    Phase.HEAD: 10.0,
    Phase.LINGER: 2.0,
}
# What has begun to come when the server is told to stop may come to its end within so long.
_STOP_SECONDS: Final = 4.0
# How soon it is noticed that whoever waits in line has left, or has waited too long. Seconds.
_LOOK_UP: Final = 0.1
# For so long a thread that has answered waits for a next request. Seconds.
_MOMENT: Final = 0.002
# A request of less is never refused for want of memory: health checks.
_SMALL: Final = 64 * 1024


@dataclass(frozen=True)
class Options:
    """limits of one request, seconds for a body to come, bytes of all requests together; TLS."""

    limits: Limits
    upload_seconds: float
    memory: int
    certificate: Certificate | None = None


class Front:
    """run() is the loop; put(), fetch(), share(), forget() and refuse() are for the threads that
    answer."""

    # cheroot asks; idle connections are bounded here in another way.
    can_add_keepalive_connection = True

    def __init__(self, server: Any, options: Options) -> None:
        self._server, self._options = server, options
        self._line: Line[Connection] = server.line
        self._listener: socket.socket = server.socket
        self._listener.setblocking(False)
        # For every connection: what lies in here is old when a slow viewer of the stream sees it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._listening = Listening(self._listener, are_busy=lambda: self._line.is_taken)
        # Guards the open connections and their memory.
        self._lock = threading.Lock()
        self._open: set[Connection] = set()
        self._memory = 0
        self._serving = self._stopping = False
        self._stop_by = self._expired = self._looked_up = 0.0
        self._trimming = memory.Trimming()

    def run(self, interval: float) -> None:
        """Serve until stop(); look after the time at least every `interval` seconds."""
        self._serving = True
        try:
            while not (self._stopping and self._is_over()):
                patience = _LOOK_UP if self._line.waiting else interval
                for connection in self._listening.select(patience):
                    if connection is None:
                        self._accept()
                    else:
                        self._turn(connection)
                self._listening.share()
                self._expire(interval)
        finally:
            self._serving = False

    def stop(self) -> None:
        """End the loop, when what has begun to come is there; waits for it."""
        self._stop_by = time.monotonic() + _STOP_SECONDS
        self._stopping = True
        while self._serving:
            time.sleep(0.01)

    def close(self) -> None:
        """End all connections that wait."""
        for connection in self._listening.waiting():
            self._drop(connection)
        self._listening.close()

    def put(self, connection: Connection, *, is_busy: bool = False) -> None:
        """Take a connection back, whose request is answered, by a thread that has more to do or
        not.

        The next request is often here by now, or about to be: the same thread answers it.
        """
        connection.end_work()
        self._trimming.worked()
        if connection.has_body and connection.has_nothing and self._lay_aside(connection):
            if not is_busy:
                self.fetch(_MOMENT)
            return
        if not is_busy and connection.has_nothing:
            connection.wait_for_more(_MOMENT)
        self._turn(connection)

    def fetch(self, seconds: float = 0.0) -> None:
        """Take what has come, or comes within so many seconds, from clients whose uploads were
        answered: they are likely to send another."""
        for connection in self._listening.pick_up(seconds):
            self._turn(connection)

    def share(self) -> None:
        """Have the loop fetch too, or not any more: what the threads do has changed."""
        self._listening.share()

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        with self._lock:
            self._open.discard(connection)
            self._memory -= connection.held
            connection.held = 0

    def refuse(self, connection: Connection, refusal: Refusal) -> None:
        """Answer with an error, and end the connection when that has been taken."""
        intake = connection.intake
        self._server.count_refused(intake.method.decode("latin-1"), refusal.status)
        with request_context.begin() as context:
            context.take_over(intake.sent_id.decode("latin-1"))
            log_line(
                refusal.status,
                client=connection.remote_addr,
                method=intake.method,
                path=intake.path,
                since=connection.since,
                bytes_in=0,
                bytes_out=len(refusal.body),
            )
            answer = refusal.to_bytes(context.id)
        try:
            connection.socket.setblocking(False)
            connection.send_at_once(answer)
            connection.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(connection)
            return
        self._wait(connection, Phase.LINGER, _PATIENCE[Phase.LINGER])

    def _accept(self) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                accepted, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:  # no file descriptor is left, or the client has gone already
                _log.warning("a connection could not be taken", extra=fields(reason=str(error)))
                self._make_room()
                return
            if len(self._open) >= MAX_CONNECTIONS and not self._make_room():
                accepted.close()
                continue
            try:
                accepted.setblocking(False)
                if self._options.certificate is not None:
                    accepted = self._options.certificate.wrap(accepted)
            except OSError:
                accepted.close()
                continue
            connection = Connection(self._server, accepted, peer, self._options.limits)
            with self._lock:
                self._open.add(connection)
            connection.until += _PATIENCE[connection.phase]
            self._listening.listen(connection, selectors.EVENT_READ)
            self._turn(connection)

    def _lay_aside(self, connection: Connection) -> bool:
        """False where that is not possible."""
        connection.enter(Phase.IDLE, _PATIENCE[Phase.IDLE])
        try:
            return self._listening.lay_aside(connection)
        except OSError:
            self._drop(connection)
            return True

    def _turn(self, connection: Connection) -> None:
        """Something has come from a client, or can be sent."""
        try:
            if connection.phase is Phase.HANDSHAKE:
                connection.socket.do_handshake()
                self._wait(connection, Phase.IDLE, _PATIENCE[Phase.IDLE])
            alive = connection.receive()
        except ssl.SSLWantReadError:
            self._listening.listen(connection, selectors.EVENT_READ)
        except ssl.SSLWantWriteError:
            self._listening.listen(connection, selectors.EVENT_WRITE)
        except ssl.SSLError as error:
            self._fail(connection, error)
        except OSError:
            self._drop(connection)
        except Exception:
            _log.exception("a connection failed", extra=fields(client=connection.remote_addr))
            self._drop(connection)
        else:
            self._advance(connection, alive)

    def _advance(self, connection: Connection, alive: bool) -> None:
        """Go on with what the intake holds; `alive` says whether more can come."""
        if connection.phase is Phase.LINGER:
            if not alive:
                self._drop(connection)
            return
        intake = connection.intake
        try:
            complete = intake.is_complete()
            self._account(connection, len(intake))
        except Refusal as refusal:
            self.refuse(connection, refusal)
            return
        if complete:
            self._listening.remove(connection)
            connection.begin_work()
            self._server.process_conn(connection)
        elif not alive:
            self._drop(connection)
        else:
            self._await_more(connection)

    def _await_more(self, connection: Connection) -> None:
        intake = connection.intake
        phase = Phase.BODY if intake.has_head else Phase.HEAD if len(intake) else Phase.IDLE
        if phase is Phase.BODY and connection.phase is not Phase.BODY and intake.expects_continue:
            with contextlib.suppress(OSError):
                connection.send_at_once(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._wait(connection, phase, _PATIENCE.get(phase, self._options.upload_seconds))

    def _account(self, connection: Connection, held: int) -> None:
        """Count what is in memory. Raises Refusal where it is too much."""
        with self._lock:
            self._memory += held - connection.held
            connection.held = held
            if self._memory > self._options.memory and held > _SMALL:
                raise Refusal(503, "The server has no memory for more requests: try again later.")

    def _wait(self, connection: Connection, phase: Phase, seconds: float) -> None:
        """Wait for a connection in this phase."""
        connection.enter(phase, seconds)
        self._listening.listen(connection, selectors.EVENT_READ)

    def _fail(self, connection: Connection, error: ssl.SSLError) -> None:
        if "http request" not in str(error).lower().replace("_", " "):
            told = fields(client=connection.remote_addr, reason=error.reason)
            _log.info("a TLS handshake failed", extra=told)
            self._drop(connection)
            return
        sentence = "This server speaks HTTPS here: ask it with https:// in place of http://."
        self.refuse(connection, Refusal(400, sentence))

    def _drop(self, connection: Connection) -> None:
        self._listening.remove(connection)
        with contextlib.suppress(OSError):
            connection.close()

    def _expire(self, interval: float) -> None:
        now = time.monotonic()
        if self._line.waiting and now - self._looked_up >= _LOOK_UP:
            self._looked_up = now
            for late in self._line.overdue():
                self._server.begin(late)
        if now - self._expired < interval:
            return
        self._expired = now
        self.fetch()
        self._trimming.look(now)
        for connection in self._listening.waiting():
            if connection.until > now:
                continue
            if connection.phase in (Phase.HEAD, Phase.BODY):
                self.refuse(
                    connection,
                    Refusal(408, "The request did not come to its end in time: send it again."),
                )
            else:
                self._drop(connection)

    def _make_room(self) -> bool:
        """Close whoever has kept us waiting longest without a body under way; whether there was."""
        waiting = self._listening.waiting()
        if not waiting:
            return False
        self._drop(min(waiting, key=lambda c: (c.phase is Phase.BODY, c.until)))
        return True

    def _is_over(self) -> bool:
        """While the server stops: whether nothing is left that it waits for."""
        self._listening.refuse_more()
        waiting = self._listening.waiting()
        for connection in waiting:
            if connection.phase not in (Phase.HEAD, Phase.BODY):
                self._drop(connection)
        return time.monotonic() >= self._stop_by or not self._listening.waiting()
