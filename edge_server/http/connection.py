"""One client's connection: what it is waited for, and what of it is in memory."""

from __future__ import annotations

import errno
import fcntl
import io
import select
import socket
import ssl
import struct
import sys
import termios
import time
from enum import Enum
from functools import partial
from typing import Any, Final

from cheroot.server import HTTPConnection

from edge_server import request_context
from edge_server.http.intake import Head, Intake, Limits
from edge_server.http.request import Request
from edge_server.line import NO_TURN
from edge_server.streaming import Streamed

# Longer than any one answer may take to be taken. Seconds.
_WRITE_SECONDS: Final = 10.0
_RECEIVE_BYTES: Final = 64 * 1024
# No client has the loop for longer than so many bytes at a time.
_RECEIVE_AT_ONCE: Final = 2**20
# Of what a request keeps, its turn. What else it keeps goes by numbers of objects.
_TURN: Final = 0
# Linux alone tells that the other side has closed while there still is something to read.
_HUNG_UP: Final = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class Phase(Enum):
    """What a connection is waited for."""

    HANDSHAKE = "handshake"
    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    WORK = "work"  # a thread answers its request
    LINGER = "linger"  # refused; what the client still sends is read, or it would miss the answer


class Output:
    """Writes to a socket, all or nothing. Raises OSError, and TimeoutError after 10 seconds."""

    def __init__(self, connected: Any) -> None:
        self._socket = connected
        self._holds = False
        self._held = b""
        self._is_first = True
        self.bytes_written = 0

    def hold_next(self) -> None:
        """What is written next goes out together with what is written after it, or by flush()."""
        self._holds = self._is_first = True

    def flush(self) -> None:
        """Send what is held back."""
        if self._held:
            self.write(b"")

    def write(self, data: bytes) -> None:
        if self._holds:
            self._held, self._holds = data, False
            return
        if self._held:
            data, self._held = self._held + data, b""
        sent = self._send_at_once(data) if self._is_first else 0
        self._is_first = False
        if sent == len(data):
            self.bytes_written += sent
            return
        # A client that is slow to take its answer, or one that gets it bit by bit: nobody waits for
        # that.
        request_context.let_go()
        try:
            self._socket.settimeout(_WRITE_SECONDS)
            self._socket.sendall(data[sent:])
        except ssl.SSLError as error:  # the client has left; of TLS there is no other here
            raise BrokenPipeError(errno.EPIPE, str(error)) from error
        self.bytes_written += len(data)

    def _send_at_once(self, data: bytes) -> int:
        """How many bytes fit into the socket's buffer, and were sent; 0 over TLS."""
        if isinstance(self._socket, ssl.SSLSocket) or self._socket.gettimeout() != 0:
            return 0
        try:
            return int(self._socket.send(data))
        except BlockingIOError:
            return 0


class Connection(HTTPConnection):
    """One client's connection. In the loop nothing of it waits; a thread that answers may."""

    RequestHandlerClass = Request
    request: Request | None = None

    def __init__(
        self, server: Any, accepted: socket.socket, peer: tuple[Any, ...], limits: Limits
    ) -> None:
        super().__init__(server, accepted, _file)
        self.remote_addr, self.remote_port = peer[:2]
        self.is_tls = isinstance(accepted, ssl.SSLSocket)
        self.ssl_env = {"wsgi.url_scheme": "https", "HTTPS": "on"} if self.is_tls else None
        self.phase = Phase.HANDSHAKE if self.is_tls else Phase.IDLE
        # When the phase began and has to be over, when the request was there; time.monotonic().
        self.since = self.until = self.arrived = time.monotonic()
        self.intake = Intake(limits)
        self.head: Head | None = None  # of the request that is being answered
        self.has_body = False  # whether that request, or the last one, has one
        self.turn = NO_TURN
        self.held = 0  # bytes of requests in memory, as they are accounted for
        self.listened_for = 0  # for which events the loop waits
        self.was_aside = False

    def enter(self, phase: Phase, seconds: float) -> None:
        """Be in this phase, which is to take so many seconds, from its beginning."""
        if self.phase is not phase:
            self.since = time.monotonic()
            self.until = self.since + seconds
        self.phase = phase

    @property
    def has_nothing(self) -> bool:
        """Whether nothing of a next request has been received."""
        return not len(self.intake) and not (self.is_tls and self.socket.pending())

    def receive(self) -> bool:
        """Take what is there into the intake. False when the client has ended; may raise OSError,
        ssl.SSLWantReadError among it."""
        received = 0
        while received < _RECEIVE_AT_ONCE or (self.is_tls and self.socket.pending()):
            try:
                data = self.socket.recv(_RECEIVE_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return True
            if not data:
                return False
            if self.phase is not Phase.LINGER:
                self.intake.add(data)
            received += len(data)
            if len(data) < _RECEIVE_BYTES and not self.is_tls:
                return True  # more would have come with it
        return True

    @property
    def streamed(self) -> Streamed | None:
        """What is still to be sent of the answer, bit by bit."""
        return self.request.streamed if self.request is not None else None

    def communicate(self) -> bool:
        """As cheroot: one request, from its first byte to the last of its answer, or of its head
        where the rest is streamed."""
        self.request = None
        with request_context.begin() as context:
            if self.server.line.has_turn(self):
                context.kept[_TURN] = partial(self.server.end_turn, self)
            try:
                cheroot: Any = super()
                goes_on: bool = cheroot.communicate()
                return goes_on or self.streamed is not None
            finally:
                context.kept.pop(_TURN, None)  # this thread goes on with the next
                if self.request is not None and self.streamed is None:
                    self.request.log()

    def begin_work(self) -> None:
        """The request that is complete is the one to answer."""
        self.head, request = self.intake.take()
        self.held = len(request) + len(self.intake)
        self.has_body = len(request) > self.head.length
        self.turn = NO_TURN
        self.rfile = io.BytesIO(request)
        self.arrived = time.monotonic()
        self.phase = Phase.WORK

    def end_work(self) -> None:
        """The request is answered; the next may come."""
        self.rfile = io.BytesIO()
        if self.socket.gettimeout() != 0:
            self.socket.setblocking(False)

    def send_at_once(self, data: bytes) -> None:
        """Send what fits into the socket's buffer, which is empty between requests."""
        if self.phase is Phase.HANDSHAKE:  # in clear, to a client that speaks no TLS
            socket.socket.send(self.socket, data)
        else:
            self.socket.send(data)

    def is_gone(self) -> bool:
        """Whether the client has closed the connection; costs a system call."""
        return _is_ready(self.socket, _HUNG_UP)

    def backlog(self) -> int:
        """Bytes that were sent and that the client's side does not have; 0 where nobody knows."""
        if not sys.platform.startswith("linux"):
            return 0
        # SIOCOUTQ, which has the number of the same question about a terminal.
        answer = fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, bytes(4))
        return int(struct.unpack("i", answer)[0])

    def wait_for_more(self, seconds: float) -> None:
        """Until something comes from the client, for at most so long."""
        _is_ready(self.socket, select.POLLIN, round(1e3 * seconds))

    def close(self) -> None:
        """End the connection, from any thread."""
        try:
            super().close()
        finally:
            self.server.forget(self)


def _is_ready(connected: Any, events: int, milliseconds: int = 0) -> bool:
    poll = select.poll()  # one object is not for several threads at once
    poll.register(connected, events)
    return bool(poll.poll(milliseconds))


def _file(connected: Any, mode: str, _buffer: int) -> Any:
    return Output(connected) if "w" in mode else io.BytesIO()
