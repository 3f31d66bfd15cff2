"""The one thread that sends streams: no viewer, fast, slow or vanished, costs one of its own.

Each gets the newest part when it has taken the last; nobody waits for another.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from typing import Final

from edge_server.http.stream import Stream

_log = logging.getLogger(__name__)

_WAKE_BYTES: Final = 64


class Streams:
    """add(), wake() and stop() may be called from any thread. There is none without a stream."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[Stream] = []
        self._streams: dict[Stream, int] = {}  # and for which events each is listened to
        self._thread: threading.Thread | None = None
        self._stopping = self._woken = False
        self._selector: selectors.BaseSelector
        self._waker: socket.socket
        self._woken_by: socket.socket

    def add(self, stream: Stream) -> None:
        """Send a stream from now on; it is closed when it is over."""
        with self._lock:
            stopping = self._stopping
            if not stopping:
                self._new.append(stream)
                if self._thread is None:
                    self._begin()
        if stopping:
            stream.close(aborted=True)
        else:
            self.wake()

    def wake(self) -> None:
        """There may be something to be sent."""
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # the thread has ended
                self._waker.send(b"\0")

    def stop(self) -> None:
        """End all streams."""
        with self._lock:
            self._stopping, thread = True, self._thread
        if thread is not None:
            self._woken = False
            self.wake()
            thread.join()

    def _begin(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken_by = socket.socketpair()
        self._waker.setblocking(False)
        self._woken_by.setblocking(False)
        self._selector.register(self._woken_by, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._round()
        except Exception:
            _log.exception("the streams ended")
        finally:
            with self._lock:
                self._stopping = True
                left, self._new = self._new, []
            for stream in [*self._streams, *left]:
                self._end(stream, aborted=False)
            self._selector.close()
            self._waker.close()
            self._woken_by.close()

    def _round(self) -> None:
        """Wait until there is something to do, and do it."""
        due = min((stream.due for stream in self._streams), default=None)
        timeout = None if due is None else max(0.0, due - time.monotonic())
        ready: dict[Stream, int] = {}
        woken = False
        for key, events in self._selector.select(timeout):
            if key.data is None:
                woken = True
                self._woken_by.recv(_WAKE_BYTES)
                # What is told from here on wakes again; all that was told before is seen below.
                self._woken = False
            else:
                ready[key.data] = events
        if woken:
            self._take_in()
        now = time.monotonic()
        for stream in list(self._streams):
            events = ready.get(stream, 0)
            if (woken and not stream.blocks) or events or stream.due <= now:
                self._go_on(stream, events)

    def _take_in(self) -> None:
        with self._lock:
            new, self._new = self._new, []
        for stream in new:
            self._streams[stream] = selectors.EVENT_READ
            self._selector.register(stream.connection.socket, selectors.EVENT_READ, stream)
            stream.listen(self.wake)

    def _go_on(self, stream: Stream, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                stream.receive()
            goes_on = stream.go_on()
        except OSError:
            self._end(stream, aborted=True)
        except Exception:
            _log.exception("a stream failed")
            self._end(stream, aborted=True)
        else:
            if goes_on:
                self._listen(stream)
            else:
                self._end(stream, aborted=False)

    def _listen(self, stream: Stream) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if stream.blocks else 0)
        if events != self._streams[stream]:
            self._streams[stream] = events
            self._selector.modify(stream.connection.socket, events, stream)

    def _end(self, stream: Stream, *, aborted: bool) -> None:
        if self._streams.pop(stream, 0):
            with contextlib.suppress(KeyError, ValueError, OSError):
                self._selector.unregister(stream.connection.socket)
        try:
            stream.close(aborted=aborted)
        except Exception:
            _log.exception("a stream could not be ended")
