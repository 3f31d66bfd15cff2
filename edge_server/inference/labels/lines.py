"""Label files of one label a line, with a number or without, and tables (CSV)."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Final

from edge_server.inference.labels.entries import (
    BOTH_NUMBERS,
    NAME_KEYS,
    NUMBER_KEYS,
    Entries,
    Entry,
    index,
    of_value,
    simple,
)
from edge_server.inference.labels.literals import brackets, unquoted
from edge_server.inference.labels.numbering import AS_JSON, DELIMITERS, numbered
from edge_server.inference.labels.text import NoLabels

# Below what Python's csv takes.
_LONGEST_LINE: Final = 100_000
_QUOTED: Final = re.compile(
    r"\"((?:[^\"\\]|\"\"|\\.)+)\"|'((?:[^'\\]|\\.)+)'|`([^`]+)`|[“„«]([^“”«»]+)[“”»]"
)
# class_0: cat
_CALLED: Final = re.compile(
    r"(?:class|label|category|index|idx|id)[ _#-]?([0-9]{1,9})\s*[:=]\s*(\S.*)", re.IGNORECASE
)
_SEVERAL: Final = re.compile(r"[\"']\s*,\s*[\"']")
_BULLET: Final = re.compile(r"[-*•]\s+")
# What is left over of JSON, YAML, XML or code where the rest of it was not understood.
_SYNTAX: Final = re.compile(
    "|".join(
        (
            r"[{}\[\]]+[,;]?$",  # brackets alone
            r"[{\[](?!.*[}\]]$)",  # one that is opened and not closed
            r"[^{\[]*[}\]][,;]$",
            r".*[{\[\\]$",
            r".*[(\[{]\s*[\"']",
            r".*[^\s,][,;]$",
            r"[\"']+$",
            r"\"[^\"]*$",
            r".*[\"']\s*[:=]\s",  # the end of a key in quotes
            r".*[\"'][,;]$",
            r".*[\"']\s*,\s*[\"']",
            r".*\":$",
            r"[\w -]+:$",  # a key of YAML
            r"-\s",
            r"#\s",  # a comment
            r".*\s#\s",
            r"//",
            r"\|.*\|$",  # a table of Markdown
            r"<\w[^>]*>.*</",
            r"item\s*:?\s*\{",
        )
    )
)


def of_lines(text: str) -> Entries:
    """The entries of a text of lines. An empty line inside is a label without a name, or all
    labels after it would move up; at the end it does not count. Raises NoLabels."""
    lines = [line.strip() for line in text.rstrip().splitlines()]
    longest = max(map(len, lines), default=0)
    if longest > _LONGEST_LINE:
        raise NoLabels(f"has a line of {longest} characters: write one label on each line")
    if lines and re.fullmatch(r"sep=.", lines[0]):
        lines = lines[1:]
    filled = [line for line in lines if line]
    if len(filled) == 1:
        return _of_one_line(filled[0])
    if len(filled) > 1 and all(line.endswith(",") for line in filled[:-1]):
        lines = filled = [line.removesuffix(",").rstrip() for line in filled]
        if any(_SEVERAL.search(line) for line in filled):
            return of_value(brackets(f"[{','.join(filled)}]")[0], "list without its brackets")
    if all(_BULLET.match(line) for line in filled):
        lines = filled = [_BULLET.sub("", line, count=1) for line in filled]
    called = [_CALLED.fullmatch(line) for line in filled]
    if None not in called:
        filled = [f"{found[1]}: {found[2]}" for found in called if found is not None]
    return _table(filled) or _numbered(filled) or _plain(lines)


def _of_one_line(line: str) -> Entries:
    """All labels in a single line: no model has a single class."""
    delimiter = next((sign for sign in ("\t", ";", ",") if sign in line), None)
    parts = [line]
    if delimiter is not None:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        parts = [cell.strip() for cell in cells if cell.strip()]
    if not parts:
        raise NoLabels("holds no labels: put one on each line")
    return _numbered(parts) or _plain(parts)


def _plain(lines: Sequence[str]) -> Entries:
    return Entries("one label a line", tuple(Entry(_named(line)) for line in lines))


def _named(line: str) -> str:
    """A label without its quotes. Raises NoLabels where it looks like a piece of a format."""
    found = _QUOTED.fullmatch(line)
    if found is not None:
        # Quotes are doubled in CSV and escaped in JSON.
        escaped = re.search(r"\\[\"'\\u]", line)
        inner = next(group for group in found.groups() if group is not None)
        return unquoted(line) if escaped else inner.replace('""', '"')
    if _SYNTAX.match(line):
        raise NoLabels(
            f"holds '{line[:40]}', which looks like a piece of another format: write one plain "
            'label a line, or a JSON list, ["first label", "second label"], in which every name '
            "is taken as it is"
        )
    return line


def _numbered(lines: Sequence[str]) -> Entries | None:
    found = numbered(lines)
    if found is None:
        return None
    entries = tuple(map(Entry, map(_named, found.rests), found.numbers))
    form = f"a {' and a '.join(found.order)} on each line"
    return Entries(form, entries, otherwise=f"; {AS_JSON}")


def _table(lines: Sequence[str]) -> Entries | None:
    """The entries of a table with headings; None where it is none."""
    for delimiter in DELIMITERS:
        if delimiter not in lines[0]:
            continue
        try:
            rows = list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            continue
        head, *body = [[cell.strip() for cell in row] for row in rows]
        known = [simple(cell) in {"", *NUMBER_KEYS, *NAME_KEYS} for cell in head]
        even = all(len(row) == len(head) for row in body)
        counted = [place for place, cell in enumerate(head) if _counts(place, cell, body)]
        # Of two columns, what a label holds of the delimiter without quotes is its own.
        if len(head) == 2 and all(known) and not even and (pair := _numbered(lines[1:])):
            return pair
        if counted and (even or sum(known) > 1):
            return _of_columns(head, body, counted, delimiter)
        if len(head) > 1 and all(known):
            raise NoLabels(
                f"is a table ({', '.join(filter(None, head))[:80]}) without a column of whole "
                "numbers: add one with the heading 'index', from 0 on, or leave only the labels, "
                "one a line"
            )
    for delimiter in "\t;|":
        columns = {line.count(delimiter) + 1 for line in lines}
        if len(columns) == 1 and columns != {1} and len(lines) > 1 and not numbered(lines):
            raise NoLabels(
                f"is a table of {columns.pop()} columns without numbers: leave only the column of "
                "the labels, in the order of the classes"
            )
    return None


def _counts(place: int, heading: str, body: Sequence[Sequence[str]]) -> bool:
    """Whether a column holds whole numbers under a heading that is none."""
    cells = [row[place] if place < len(row) else "" for row in body]
    return bool(cells) and index(heading) is None and all(index(cell) is not None for cell in cells)


def _of_columns(
    head: Sequence[str], body: Sequence[Sequence[str]], counted: Sequence[int], delimiter: str
) -> Entries:
    number = _best(counted, head, ("", *NUMBER_KEYS))
    name = _best([place for place in range(len(head)) if place != number], head, NAME_KEYS)
    if number is None or name is None:
        raise NoLabels(
            f"is a table whose columns ({', '.join(head)[:80]}) do not say which are the numbers "
            "and which the labels: call them 'index' and 'name' in the first line"
        )
    if name in counted and simple(head[number]) in NAME_KEYS:
        raise NoLabels(BOTH_NUMBERS)
    if any(len(row) != len(head) for row in body):
        line = next(place for place, row in enumerate(body, 2) if len(row) != len(head))
        raise NoLabels(
            f"is a table of {len(head)} columns, but line {line} has {len(body[line - 2])}: put a "
            "label that holds the sign between columns in double quotes"
        )
    entries = tuple(Entry(row[name], index(row[number])) for row in body)
    kind = "TSV" if delimiter == "\t" else "CSV"
    return Entries(f"{kind}, columns {head[number] or 'index'} and {head[name]}", entries)


def _best(places: Sequence[int], head: Sequence[str], headings: Sequence[str]) -> int | None:
    """The column with the best heading; the only one, whatever its heading."""
    if len(places) == 1:
        return places[0]
    known = [
        (headings.index(simple(head[place])), place)
        for place in places
        if simple(head[place]) in headings
    ]
    return min(known)[1] if known else None
