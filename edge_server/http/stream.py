"""One viewer's stream: what is being sent, and whether the viewer still takes it."""

from __future__ import annotations

import contextlib
import errno
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from edge_server import request_context
from edge_server.streaming import Streamed

# A viewer that takes nothing for so long has vanished: switched off, or out of the radio's reach.
# Who walks from one access point to another is back earlier. Seconds.
_VANISHED: Final = 5.0
# So often it is looked for. Seconds.
_LOOK_ROUND: Final = 0.5
_RECEIVE_BYTES: Final = 64 * 1024
# What a viewer may say while it watches: the rest of a request too many, and no more.
_MOST_RECEIVED: Final = 2**20


class Stream:
    """The answer to a request from when its head has been sent; of one thread alone.

    due     when it is to be gone on with at the latest, on time.monotonic()'s clock
    blocks  whether the socket takes nothing more for now
    """

    def __init__(self, connection: Any, streamed: Streamed) -> None:
        self.connection, self._streamed = connection, streamed
        self._rest = memoryview(streamed.preamble)
        self._given = len(self._rest)
        self._taken = self._received = 0
        self.due = self._look_at = self._since = time.monotonic()
        self.blocks = False
        self._heard = contextlib.ExitStack()

    def listen(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when there may be something new, until the end."""
        self._heard.enter_context(self._streamed.heard(wake))

    def receive(self) -> None:
        """Of what a viewer still says, its end alone is of interest: raises OSError then."""
        try:
            received = len(self.connection.socket.recv(_RECEIVE_BYTES))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        self._received += received
        if not received or self._received > _MOST_RECEIVED:
            raise BrokenPipeError(errno.EPIPE, "The viewer has left.")

    def go_on(self) -> bool:
        """Send what is due and can be sent; False when the stream is over.

        Raises OSError when the viewer has left or vanished.
        """
        parts = self._streamed.parts
        while not parts.is_over:
            if not self._send():
                self.due = self._look_at
                break
            part = parts.next()
            if part is None:
                self.due = min(parts.due, self._look_at)
                break
            self._rest = memoryview(part)
            self._given += len(part)
        self._look_after()
        return not parts.is_over

    def close(self, *, aborted: bool) -> None:
        """End it all, and write the request's line."""
        self._heard.close()
        request = self.connection.request
        with contextlib.suppress(OSError):
            self.connection.close()
        self._streamed.end()
        request.aborted = aborted
        with request_context.begin(request.context):
            request.log()

    def _send(self) -> bool:
        """Whether all of what there is has been sent."""
        self.blocks = False
        while self._rest:
            try:
                sent = self.connection.socket.send(self._rest)
            except (BlockingIOError, ssl.SSLWantWriteError):
                self.blocks = True
                return False
            except ssl.SSLWantReadError:
                return False
            self.connection.request.bytes_out += sent
            self._rest = self._rest[sent:]
        return True

    def _look_after(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_ROUND
        left = len(self._rest) + self.connection.backlog()
        if not left or self._given - left > self._taken:
            self._taken, self._since = max(self._taken, self._given - left), now
        elif now - self._since > _VANISHED:
            raise TimeoutError(errno.ETIMEDOUT, "The viewer has taken nothing for long.")
        self.due = min(self.due, self._look_at)
