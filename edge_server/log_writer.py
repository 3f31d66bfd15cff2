"""Writes records of the log a few at a time, so that no request waits for its line.

A line by itself costs a request several times what it costs among others: the code that makes it
has to be fetched into the processor's caches again after every inference, and each write lets
another thread go first. What is a warning or worse is written at once, with all that came before
it. Should the process be killed, lines of the last 50 ms below that are lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Final, TextIO

from edge_server import request_context

_DELAY_SECONDS: Final = 0.05
# More than that are written by whoever brings the next.
_MOST_HELD: Final = 500


class LogWriter(logging.Handler):
    """Writes to a stream what it is given, in the order in which that came."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._held: deque[logging.LogRecord] = deque()
        self._any = threading.Event()
        # Reentrant, for a signal's handler that logs.
        self._writing = threading.RLock()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the id of the request it was made in."""
        request = request_context.current()
        record.request_id = None if request is None else request.id
        self._held.append(record)
        if record.levelno >= logging.WARNING or len(self._held) > _MOST_HELD:
            self.flush()
        elif not self._any.is_set():
            self._any.set()

    def flush(self) -> None:
        """Write all that is kept."""
        with self._writing:
            lines = []
            while self._held:
                record = self._held.popleft()
                try:
                    lines.append(self.format(record) + "\n")
                except Exception:  # as every handler: who logs is not to fail for it
                    self.handleError(record)
            if lines:
                try:
                    self._stream.write("".join(lines))
                    self._stream.flush()
                except (OSError, ValueError):
                    pass  # nobody is there to be told

    def _run(self) -> None:
        while True:
            self._any.wait()
            time.sleep(_DELAY_SECONDS)
            self._any.clear()
            self.flush()
