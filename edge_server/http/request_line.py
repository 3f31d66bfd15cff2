"""The line of the log that each request has.

Whoever answers requests only notes what there is to say; the thread that writes the log puts it
into words: see log_writer.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import quote

# As the module of requests, which it is a part of.
_log = logging.getLogger("edge_server.http.request")

_LONGEST_PATH: Final = 256
_LONGEST_METHOD: Final = 16
# What is the same for all. Of place, thread and process nothing is shown, and to find them out
# takes longer than all the rest.
_USUAL: Final = vars(logging.LogRecord(_log.name, logging.INFO, "", 0, "request", None, None))


class RequestRecord(logging.LogRecord):
    """A record of a request; what it says is asked for when it is written."""

    def __init__(self, level: int, told: Callable[[], dict[str, Any]]) -> None:
        vars(self).update(_USUAL)
        self.levelno, self.levelname = level, logging.getLevelName(level)
        self.created = time.time()
        self._told = told

    @property
    def fields(self) -> dict[str, Any]:
        """As other records have them: see logs.fields()."""
        return self._told()


def log_line(
    status: int,
    *,
    client: str,
    method: bytes,
    path: bytes,
    since: float,
    bytes_in: int,
    bytes_out: int,
    routine: bool = False,
    **more: Any,
) -> None:
    """One request's line. `since` is when it was there, on time.monotonic()'s clock."""
    level = logging.DEBUG if routine else logging.INFO
    level = logging.WARNING if status >= 500 else level
    if _log.isEnabledFor(level):
        seconds = time.monotonic() - since
        told = partial(_told, status, client, method, path, seconds, bytes_in, bytes_out, more)
        _log.handle(RequestRecord(level, told))


def _told(
    status: int,
    client: str,
    method: bytes,
    path: bytes,
    seconds: float,
    bytes_in: int,
    bytes_out: int,
    more: dict[str, Any],
) -> dict[str, Any]:
    return {
        "client": client,
        # Never the query, which may hold what nobody else should read.
        "method": _short(method, _LONGEST_METHOD),
        "path": _short(path[: _LONGEST_PATH + 1], _LONGEST_PATH),
        "status": status,
        "ms": round(seconds * 1e3, 1),
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        **more,
    }


@lru_cache(maxsize=256)
def _short(text: bytes, longest: int) -> str | None:
    """ASCII without spaces, as in an address; None for nothing."""
    quoted = quote(text, safe="/:@!$&'()*+,;~")
    return quoted[:longest] + ("..." if len(quoted) > longest else "") or None
