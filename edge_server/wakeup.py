"""Has a thread that is woken go on where the one that wakes it is about to leave off.

While every processor computes, Linux puts a woken thread behind any of those that do, and the one
that leaves off a moment later idles for milliseconds before it fetches that thread: on two
processors a sixth of the throughput was lost to that. And whoever wakes may be put aside for it at
once: one that holds the GIL then stops all others, so it is let go of before. Elsewhere than on
Linux with glibc a plain semaphore does.
Source: eventfd(2), sched_getcpu(3), sched_setaffinity(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import select
import threading
from collections.abc import Callable
from typing import Final


def _nowhere() -> int:
    return -1


def _finder() -> Callable[[], int]:
    if platform.libc_ver()[0] != "glibc" or not hasattr(os, "eventfd"):
        return _nowhere
    # Without letting go of the GIL, which would cost more than the call.
    found: Callable[[], int] = ctypes.PyDLL(None).sched_getcpu
    return found


_processor_of_caller: Final = _finder()


class _EventBell:
    """Rings without the GIL."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._event, select.POLLIN)

    def ring(self) -> None:
        os.eventfd_write(self._event, 1)

    def wait(self, seconds: float | None) -> bool:
        if not self._poll.poll(None if seconds is None else 1e3 * seconds):
            return False
        os.eventfd_read(self._event)
        return True

    def __del__(self) -> None:
        os.close(self._event)


class _PlainBell:
    def __init__(self) -> None:
        self._rings = threading.Semaphore(0)

    def ring(self) -> None:
        self._rings.release()

    def wait(self, seconds: float | None) -> bool:
        return self._rings.acquire(timeout=seconds)


class _Own(threading.local):
    """What a thread has for all its waits."""

    def __init__(self) -> None:
        is_plain = _processor_of_caller is _nowhere
        self.bell: _EventBell | _PlainBell = _PlainBell() if is_plain else _EventBell()


_own: Final = _Own()


class Sleeper:
    """The calling thread, which is about to wait for another to wake it, once.

    `stay` has it go on where the one who wakes it runs.
    """

    def __init__(self, *, stay: bool) -> None:
        self._thread = threading.get_native_id()
        self._bell = _own.bell
        # None: it goes on wherever it likes.
        self._allowed: set[int] | None = None
        if stay and _processor_of_caller is not _nowhere:
            self._allowed = os.sched_getaffinity(0)

    def sleep(self, seconds: float | None = None) -> bool:
        """For the thread itself: False where nobody has woken it within so many seconds."""
        if not self._bell.wait(seconds):
            return False
        if self._allowed is not None:
            self._allow(self._allowed)  # it may go anywhere again
        return True

    def wake(self) -> None:
        """For the other, who does it once and must not hold a lock that is soon wanted."""
        if self._allowed is not None:
            here = {_processor_of_caller()}
            if here <= self._allowed:
                self._allow(here)
        self._bell.ring()

    def _allow(self, processors: set[int]) -> None:
        # Where a sandbox forbids it, or the thread has ended.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(self._thread, processors)
