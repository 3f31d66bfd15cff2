"""How the process logs: one record a line, as key=value (logfmt) or as JSON.

Whatever a record says, it can't begin a line of its own: what is not printable is escaped.
A record's fields are given with `extra=fields(...)`.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from datetime import datetime, timezone
from functools import lru_cache
from types import TracebackType
from typing import Any, Final

from edge_server import request_context
from edge_server.log_writer import LogWriter
from edge_server.recent import RECENT

_log = logging.getLogger(__name__)

# Others than these log what they read of pictures and headers when they are asked for details.
_OURS: Final = ("edge_server", "camera")
_TRACE_INDENT: Final = "    "
_PLAIN: Final = re.compile(r"[!#-<>-\[\]-~]+")
# What a value of logfmt may not hold outside of quotes.
_QUOTED: Final = re.compile(r'[ "=\\]')


def fields(**values: Any) -> dict[str, Any]:
    """What a record says beside its message, for the argument `extra` of a logger."""
    return {"fields": values}


def configure(level: str, log_format: str) -> None:
    """Log to standard error from now on, errors that nobody caught too; keep the newest troubles.

    level       debug, info, warning or error
    log_format  text or json
    """
    handler = LogWriter(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler, RECENT], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)
    # Nothing of it is shown: https://docs.python.org/3/howto/logging.html#optimization
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class TextFormatter(logging.Formatter):
    """key=value, values in quotes where they need them; a trace on indented lines below."""

    def format(self, record: logging.LogRecord) -> str:
        line = " ".join([f"{key}={_word(value)}" for key, value in _document(record).items()])
        trace = _trace(record).splitlines()
        return "\n".join([line, *(_TRACE_INDENT + _escaped(part) for part in trace)])


class JsonFormatter(logging.Formatter):
    """One JSON object in one line of ASCII; a trace is its field `trace`."""

    def format(self, record: logging.LogRecord) -> str:
        document = _document(record)
        if trace := _trace(record):
            document["trace"] = trace
        return json.dumps(document, default=str)


def _document(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record, in their order: time, level, logger, message, request_id, its own."""
    second = int(record.created)
    document: dict[str, Any] = {
        "time": f"{_second(second)}.{int((record.created - second) * 1e3):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    request = request_context.current()  # of what is not written later by another thread
    request_id = getattr(record, "request_id", request.id if request is not None else None)
    if request_id is not None:
        document["request_id"] = request_id
    document |= getattr(record, "fields", {})
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        document["error"] = f"{type(error).__name__}: {error}"
    return document


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")


def _trace(record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info[1] is None:
        return ""
    return logging.Formatter().formatException(record.exc_info)


def _word(value: Any) -> str:
    """A value of logfmt."""
    kind = type(value)
    if kind is int or kind is float:
        return str(value)
    if value is None:
        return "-"
    if kind is bool:
        return "true" if value else "false"
    return _quoted(value if kind is str else str(value))


@lru_cache(maxsize=256)
def _quoted(text: str) -> str:
    """The text, in quotes where it needs them; most of them come again and again."""
    if _PLAIN.fullmatch(text):
        return text
    plain = text and text.isprintable() and not _QUOTED.search(text)
    return text if plain else _escaped(json.dumps(text, ensure_ascii=False))


def _escaped(text: str) -> str:
    """The text with JSON's escapes for line breaks of every kind and what else can't be seen."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("nobody caught this error", exc_info=(kind, error, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value or arguments.exc_type()
    name = arguments.thread.name if arguments.thread else "?"
    _log.critical(
        "nobody caught this error",
        exc_info=(arguments.exc_type, error, arguments.exc_traceback),
        extra=fields(thread=name),
    )
