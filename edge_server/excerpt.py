"""What a library or a child process printed, made fit to stand inside one sentence of ours."""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 240
_ESCAPE_CODES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b.")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


def plain(text: str) -> str:
    """The text without the codes that colour a terminal."""
    return _ESCAPE_CODES.sub("", text)


def excerpt(text: str, limit: int = LIMIT) -> str:
    """One line of at most `limit` characters, without the final full stop.

    A longer text is cut between two words, and an ellipsis says so.
    """
    line = _CONTROLS.sub(" ", plain(text)).strip()
    if len(line) <= limit:
        return line.rstrip(". ")
    head = line[: limit - 3]
    # A text without spaces, as a path or an address, has no better place.
    words = head.rpartition(" ")[0] if " " in head[limit // 2 :] else head
    return words.rstrip(" .,;:") + "..."


def last_line(text: str) -> str:
    """An excerpt of the last line that says anything, empty where none does."""
    lines = [line for line in plain(text).splitlines() if line.strip()]
    return excerpt(lines[-1]) if lines else ""
