"""Has a thread that is woken go on where the one that wakes it is about to leave off.

While every processor computes, Linux puts a woken thread behind any of those that do, and the one
that leaves off a moment later idles for milliseconds before it fetches that thread: on two
processors a sixth of the throughput was lost to that. Does nothing where there is no glibc.
Source: sched_getcpu(3), sched_setaffinity(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import threading
from collections.abc import Callable
from typing import Final


def _nowhere() -> int:
    return -1


def _finder() -> Callable[[], int]:
    if platform.libc_ver()[0] != "glibc":
        return _nowhere
    # Without letting go of the GIL, which would cost more than the call.
    found: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
    return found


_processor_of_caller: Final = _finder()


class Sleeper:
    """The calling thread, which is about to wait for another to wake it."""

    def __init__(self) -> None:
        self._thread = threading.get_native_id()
        # None: it can't be told, and nothing is changed.
        self._allowed: set[int] | None = None
        if _processor_of_caller is not _nowhere:
            self._allowed = os.sched_getaffinity(0)

    def come_here(self) -> None:
        """For the one who wakes it, just before that: it goes on where the caller runs now."""
        self._allow({_processor_of_caller()})

    def is_awake(self) -> None:
        """For the thread itself, once it runs: it may go anywhere again."""
        self._allow(self._allowed)

    def _allow(self, processors: set[int] | None) -> None:
        if self._allowed is None or processors is None or not processors & self._allowed:
            return
        # Where a sandbox forbids it, or the thread has ended, it goes on wherever it likes.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self._thread, processors)
