"""Text in aligned sections of at most 100 columns, the same on a terminal and in a pipe."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

WIDTH = 100
_INDENT = "  "
_LABEL = 14
# A space where no line is broken.
_KEPT = "\N{NO-BREAK SPACE}"


class Page:
    """Lines that are gathered; str() of it is the text, without a newline at its end."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines)

    def line(self, text: str = "") -> None:
        """A line of its own, wrapped."""
        self._lines += _wrapped(text, "", "") or [""]

    def note(self, text: str) -> None:
        """A sentence of a section."""
        self._lines += _wrapped(text, _INDENT, _INDENT)

    def section(self, title: str) -> None:
        """The heading of what follows."""
        if self._lines:
            self._lines.append("")
        self._lines += _wrapped(title, "", "")

    def field(self, label: str, text: str) -> None:
        """A label and what it says, wrapped under itself; without a label it goes on below."""
        first = f"{_INDENT}{label:<{_LABEL}}"
        self._lines += _wrapped(text, first, " " * len(first))

    def items(self, label: str, items: Sequence[str]) -> None:
        """The same for a list, wrapped between its items only."""
        kept = [clean(item).replace(" ", _KEPT) for item in items]
        first = f"{_INDENT}{label:<{_LABEL}}"
        lines = textwrap.wrap(
            ", ".join(kept),
            WIDTH,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_on_hyphens=False,
        )
        self._lines += [line.replace(_KEPT, " ") for line in lines]

    def bullet(self, text: str) -> None:
        """One of several reasons, below a field."""
        margin = " " * (len(_INDENT) + _LABEL)
        self._lines += _wrapped(text, f"{margin}- ", f"{margin}  ")

    def table(
        self, rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), head: bool = False
    ) -> None:
        """Rows of cells in columns; those whose numbers are in `right` stand to the right.

        `head` says that the first row names the columns. A row that is too wide has its widest
        column shortened in the middle.
        """
        if not rows or (head and len(rows) == 1):
            return
        cells = [[clean(cell) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        over = len(_INDENT) + sum(widths) + 2 * (len(widths) - 1) - WIDTH
        if over > 0:
            widest = widths.index(max(widths))
            widths[widest] = max(8, widths[widest] - over)
        for row in cells:
            shown = [shorten(cell, width) for cell, width in zip(row, widths, strict=True)]
            aligned = [
                text.rjust(width) if i in right else text.ljust(width)
                for i, (text, width) in enumerate(zip(shown, widths, strict=True))
            ]
            self._lines.append(_INDENT + "  ".join(aligned))


def publish(text: str) -> None:
    """Write a result to standard output, as far as its reader wants it."""
    try:
        try:
            print(text, flush=True)
        except UnicodeEncodeError:  # a terminal without Unicode
            print(text.encode("ascii", "replace").decode(), flush=True)
    except BrokenPipeError:  # `| head` has seen enough; Python must not flush into it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def shorten(text: str, width: int) -> str:
    """The text, or its beginning and end with an ellipsis between them."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def clean(text: str) -> str:
    """Text out of a file, without characters that move a terminal's cursor."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        clean(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )
