"""The threads that answer requests: as many as are needed, and the last one that was used first.

A thread that has just answered has its stack and its buffers in memory and in the caches; handing
the work round would touch those of all threads. Takes the place of cheroot's ThreadPool.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from collections import deque
from typing import Any, Final

_log = logging.getLogger(__name__)

# A thread without work for so long ends.
_IDLE_SECONDS: Final = 30.0


class Workers:
    """At most `most` threads; `waiting` connections more may wait for one."""

    def __init__(self, server: Any, *, most: int, waiting: int) -> None:
        self._server = server
        self._most, self._max_waiting = most, waiting
        self._lock = threading.Lock()
        self._threads: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._waiting: deque[Any] = deque()
        self._stopping = False

    def start(self) -> None:
        """Nothing is started before there is work."""

    def put(self, connection: Any) -> None:
        """Have a connection's request answered. Raises queue.Full where too many wait."""
        own: Any = threading.current_thread()
        with self._lock:
            may_go_on = isinstance(own, _Worker) and own.is_free and own.next_connection is None
            if may_go_on and not self._waiting:
                # A client that had its answer from this thread, or from one like it, just now.
                own.next_connection = connection
                return
            if self._idle:
                self._idle.pop().box.put(connection)
                return
            if len(self._threads) >= self._most:
                if len(self._waiting) >= self._max_waiting:
                    raise queue.Full
                self._waiting.append(connection)
                return
            worker = _Worker(self, self._server)
            self._threads.add(worker)
        worker.box.put(connection)
        try:
            worker.start()
        except RuntimeError as error:  # the system has no more threads
            with self._lock:
                self._threads.discard(worker)
            raise queue.Full from error

    def next(self, worker: _Worker) -> Any:
        """The next connection for a worker, or None where it is to end."""
        connection, worker.next_connection = worker.next_connection, None
        if connection is not None:
            return connection
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            if self._stopping:
                self._threads.discard(worker)
                return None
            self._idle.append(worker)
        with contextlib.suppress(queue.Empty):
            return worker.box.get(timeout=_IDLE_SECONDS)
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                self._threads.discard(worker)
                return None
        return worker.box.get()  # it came at the very moment when the wait ended

    def stop(self, timeout: float) -> None:
        """End the threads: what they answer may end within `timeout` seconds."""
        with self._lock:
            self._stopping = True
            threads = list(self._threads)
            for worker in self._idle:
                self._threads.discard(worker)
                worker.box.put(None)
            self._idle.clear()
        end = time.monotonic() + timeout
        for worker in threads:
            worker.join(max(0.0, end - time.monotonic()))
        for worker in threads:
            if worker.is_alive():
                worker.abandon()

    @property
    def count(self) -> int:
        """How many threads there are."""
        return len(self._threads)


class _Worker(threading.Thread):
    def __init__(self, workers: Workers, server: Any) -> None:
        super().__init__(name="worker", daemon=True)
        self._workers, self._server = workers, server
        self._connection: Any = None
        self.box: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.next_connection: Any = None
        # While it looks whether more has come.
        self.is_free = False

    def run(self) -> None:
        connection = self.box.get()
        while connection is not None:
            self._connection = connection
            self._answer(connection)
            self._connection = connection = None
            connection = self._workers.next(self)

    def _answer(self, connection: Any) -> None:
        """Answer one request; whatever happens, the thread goes on."""
        goes_on = False
        try:
            goes_on = connection.communicate()
        except ConnectionError:
            pass  # the client has left, which its request's line says
        except BaseException:
            _log.exception("a request failed")
        try:
            self.next_connection = following = self._server.next_turn(connection)
            if goes_on:
                self.is_free = following is None
                self._server.put_conn(connection, is_busy=following is not None)
            else:
                connection.close()
            if following is None:
                self._server.thread_is_free()
        except BaseException:
            _log.exception("a connection could not be ended")
        finally:
            self.is_free = False

    def abandon(self) -> None:
        """Have the client's side end, so that an answer nobody waits for any more does."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
