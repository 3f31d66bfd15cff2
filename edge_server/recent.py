"""The newest warnings and errors of the log, kept in memory for the owner's page.

Knows nothing of pages. Bounded, whatever happens; no addresses with passwords.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

from edge_server.configuration.values import one_line, redacted

MAX_KEPT: Final = 30
_MAX_CHARACTERS: Final = 400
# What differs from one request to the next would make each of them a kind of its own; who asked
# is in the log for those who may read it.
_LEFT_OUT: Final = frozenset({"client", "ms", "bytes_in", "bytes_out", "agent"})


@dataclass(frozen=True)
class Trouble:
    """A record of the log, and how often it came one after the other; times are Unix seconds."""

    first_at: float
    last_at: float
    level: str
    logger: str
    message: str
    times: int = 1


class Recent(logging.Handler):
    """Keeps the newest records from `warning` up; those that repeat count as one."""

    def __init__(self, kept: int = MAX_KEPT) -> None:
        super().__init__(logging.WARNING)
        self._troubles: deque[Trouble] = deque(maxlen=kept)
        self._guard = threading.Lock()
        self._total = 0

    @property
    def total(self) -> int:
        """How many there were since the start, those that are not kept any more too."""
        return self._total

    def newest(self) -> list[Trouble]:
        """What is kept, newest first."""
        with self._guard:
            return list(reversed(self._troubles))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = _message(record)
        except Exception:  # a handler must not raise where somebody logs
            self.handleError(record)
            return
        made = Trouble(
            record.created, record.created, record.levelname.lower(), record.name, message
        )
        with self._guard:
            self._total += 1
            for place, known in enumerate(self._troubles):
                if (known.level, known.logger, known.message) == (made.level, made.logger, message):
                    del self._troubles[place]
                    made = replace(made, first_at=known.first_at, times=known.times + 1)
                    break
            self._troubles.append(made)


# Beside the log itself, from logs.configure() on.
RECENT: Final = Recent()


def _message(record: logging.LogRecord) -> str:
    parts = [record.getMessage()]
    told: dict[str, Any] = getattr(record, "fields", {})
    parts += [f"{key}: {value}" for key, value in told.items() if key not in _LEFT_OUT]
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        parts.append(f"{type(error).__name__}: {error}")
    text = redacted(one_line(" · ".join(parts)))
    return text if len(text) <= _MAX_CHARACTERS else text[: _MAX_CHARACTERS - 1] + "…"
