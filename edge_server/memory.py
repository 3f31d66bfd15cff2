"""Keeps the C library from holding on to memory that nobody uses. Does nothing without glibc.

glibc gives each thread an arena of its own, eight a core, and each keeps the largest picture that
was ever decoded in it: a server of fifty threads grows by hundreds of megabytes.
Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any, Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
# Two would not be faster: small objects are not theirs, and pictures are few.
_ARENAS: Final = 1
# What is larger is given back to the system when it is freed, as whole pictures are.
_LARGE: Final = 4 * 2**20
# So much that is free is kept for the next picture: to give it back and fetch it again costs a
# twentieth of the throughput.
_KEPT: Final = 4 * 2**20
# So often what is free between pictures is given back. Seconds.
_TRIM_SECONDS: Final = 1.0


@cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def bound() -> None:
    """Few arenas from now on. Call it before threads begin."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)
        # Else the threshold grows with the largest picture seen, and no picture goes back.
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)


class Trimming:
    """Trims now and then while there is work, of which it is told by any thread."""

    def __init__(self) -> None:
        self._worked = False
        self._at = 0.0

    def worked(self) -> None:
        """Something was done that may have left memory free."""
        self._worked = True

    def look(self, now: float) -> None:
        """Trim if it is time; `now` is on time.monotonic()'s clock."""
        if self._worked and now - self._at > _TRIM_SECONDS:
            self._worked, self._at = False, now
            trim()


def trim() -> None:
    """Give back what is free now, as after a model was loaded and tried."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(ctypes.c_size_t(0))
