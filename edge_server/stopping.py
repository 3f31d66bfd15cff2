"""Waits for the word to stop. Knows nothing of what is stopped.

A signal that comes just before Python sleeps on a lock is noticed only when the lock is released,
which for a server may be never; and a handler that runs in the middle of Event.wait() and calls
Event.set() waits for itself. A byte in a pipe, written by the C handler, has neither trouble.
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """SIGTERM, SIGINT, or a call of request(). For a `with` block in the main thread."""

    def __enter__(self) -> StopRequest:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._handlers: dict[signal.Signals, Any] = {
            number: signal.signal(number, _nothing) for number in _SIGNALS
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._read)
        os.close(self._write)

    def request(self) -> None:
        """Ask for the stop, from any thread."""
        os.write(self._write, b"\0")

    def wait(self) -> str:
        """Block until it is asked for; returns the signal's name, or `request`."""
        number = os.read(self._read, 1)[0]
        return signal.Signals(number).name if number else "request"


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """A handler, so that the signal does not end the process; its byte is in the pipe."""
