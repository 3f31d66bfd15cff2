"""Lines with a number each: whether the numbers are those of the classes or parts of the names."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_server.inference.labels.entries import BOTH_NUMBERS
from edge_server.inference.labels.text import NoLabels

DELIMITERS: Final = ("\t", ";", ",", "|")
AS_JSON: Final = (
    'if the numbers are part of the names, write a JSON list, ["first label", "second label"], in '
    "which every name is taken as it is"
)
_FIRST: Final = re.compile(r"([\"']?)([0-9]{1,9})(?:\.0)?\1(?![0-9])")
_LAST: Final = re.compile(r"(?<![0-9.])([\"']?)([0-9]{1,9})(?:\.0)?\1$")
_AFTER: Final = re.compile(r"[ ]*(?:->|=>|[:=,;|\t]|[.)](?=\s)|-(?=\s))")
_DECIMAL: Final = re.compile(r"[0-9]+[,.:][0-9]")
_GLUE: Final = "glue"
_BEFORE: Final = ("->", "=>", ":", "=", ",", ";", "|", "\t", " -")


@dataclass(frozen=True)
class Numbered:
    """Lines split into their numbers and the rest.

    `strong` where a sign stands between them that is rare in names, such as a colon; `glued` where
    in some nothing does: 0person; `decimal` where the lines begin as 0,5 l and 10:30 h do.
    """

    order: tuple[str, str]
    numbers: list[int]
    rests: list[str]
    strong: bool
    glued: bool
    number_quoted: bool
    decimal: bool

    def counts(self) -> bool:
        """Whether the numbers are those from 0 on, each once."""
        return sorted(self.numbers) == list(range(len(self.numbers)))

    def near(self) -> bool:
        """Whether half of the numbers could be those of so many classes, from 0 or from 1."""
        count = len(self.numbers)
        return 2 * len({number for number in self.numbers if number <= count}) >= count > 1


def numbered(lines: Sequence[str]) -> Numbered | None:
    """Lines that each have the number of their class; None where they have none, or where the
    numbers are names or part of them. Raises NoLabels where that is in doubt."""
    lines = [line for line in lines if not re.match(r"#\s|//", line)] or list(lines)
    found = [split for order, way in _ORDERS if (split := _split(lines, order, way))]
    readings = [one for one in found if one.counts()]
    if len(readings) == 2 and not any(map(_lettered, readings)):
        readings = _of_two_numbers(*readings)
    for one in [*readings, *found]:
        verdict = _judge(one)
        if verdict == "classes":
            return one
        if verdict == "doubt":
            raise NoLabels(
                "has a number in each line that could be its class or part of its name: if it is "
                f"the class, write 0: first label, 1: second label; {AS_JSON}"
            )
    _check_partly_numbered(lines)
    return None


_Way = Callable[[str], "tuple[str, str, str, str] | None"]


def _split(lines: Sequence[str], order: tuple[str, str], way: _Way) -> Numbered | None:
    parts = [way(line) for line in lines]
    if not lines or None in parts:
        return None
    found = [part for part in parts if part is not None]
    if not any(rest for _, _, _, rest in found):
        return None  # numbers and nothing else are names
    signs = {sign for _, _, sign, _ in found}
    rests = [rest for _, _, _, rest in found]
    _check_columns(signs, rests)
    return Numbered(
        order,
        [int(number) for _, number, _, _ in found],
        rests,
        strong=not signs & {"", _GLUE},
        glued=_GLUE in signs,
        number_quoted=all(quote for quote, _, _, _ in found),
        decimal=all(map(_DECIMAL.match, lines)),
    )


def _split_first(line: str) -> tuple[str, str, str, str] | None:
    """Quote, number, sign and rest of a line that begins with a number."""
    found = _FIRST.match(line)
    if found is None:
        return None
    sign = _AFTER.match(line, found.end())
    rest = line[(sign or found).end() :]
    if sign is not None:
        return found[1], found[2], sign[0].lstrip(" "), rest.strip()
    if rest[:1].strip() and not rest[0].isalpha():
        return None
    return found[1], found[2], _GLUE if rest[:1].strip() else "", rest.strip()


def _split_last(line: str) -> tuple[str, str, str, str] | None:
    """Take apart a line that ends with a number."""
    found = _LAST.search(line)
    if found is None or found.start() == 0:
        return None
    before = line[: found.start()]
    sign = next((sign for sign in _BEFORE if before.rstrip(" ").endswith(sign)), "")
    if not sign and before[-1].strip():
        return None
    rest = before.rstrip(" ").removesuffix(sign).strip()
    return found[1], found[2], sign, rest


_ORDERS: Final = ((("number", "label"), _split_first), (("label", "number"), _split_last))


def _check_columns(signs: set[str], rests: Sequence[str]) -> None:
    """Raises NoLabels where the rest is more columns of a table."""
    for sign in signs & set(DELIMITERS):
        counts = {
            len(next(csv.reader([rest], delimiter=sign), [])) - 1
            if '"' in rest
            else len(re.findall(re.escape(sign) + r"(?=\S)", rest))
            for rest in rests
        }
        if len(signs) == len(counts) == 1 and counts != {0} and len(rests) > 1:
            raise NoLabels(
                f"is a table of {counts.pop() + 2} columns without headings: put 'index' and "
                "'name' above those of the numbers and the labels"
            )


def _lettered(one: Numbered) -> bool:
    return any(character.isalpha() for rest in one.rests for character in rest)


def _of_two_numbers(first: Numbered, last: Numbered) -> list[Numbered]:
    """Which side of pairs of two numbers are the classes. Raises NoLabels where both could be."""
    if first.number_quoted != last.number_quoted:
        return [last if first.number_quoted else first]
    names = dict(zip(first.numbers, last.numbers, strict=True))
    if any(names[number] != name for name, number in names.items()):
        raise NoLabels(BOTH_NUMBERS)
    return [first]


def _judge(one: Numbered) -> str:
    """Whether the numbers are "classes", part of the "names", or in "doubt".

    `1 euro` and `2 euro` are names, and so is what is not near to 0, 1, 2 ...: 1999, 2004.
    """
    count = len(one.numbers)
    # 1 star, 2 stars
    rests = {rest.casefold().rstrip("sen") for rest in one.rests}
    if len(rests) == 1 and count > 1 and not one.strong:
        return "names"
    distinct = len(rests) * 2 > count
    if one.glued:  # 7up, 3D
        return "classes" if one.counts() and distinct and count > 2 else "names"
    letters = all(any(character.isalpha() for character in rest) for rest in one.rests)
    if one.strong:
        unclear = one.decimal and letters if one.counts() else one.decimal or not letters
        return "classes" if not unclear else "doubt" if one.near() else "names"
    if one.counts():
        in_order = one.numbers == list(range(count))
        return "classes" if distinct else "names" if in_order else "doubt"
    return "classes" if one.near() and distinct else "names"


def _check_partly_numbered(lines: Sequence[str]) -> None:
    """Raises NoLabels where most lines have the number of their class, and some do not."""
    for order, way in _ORDERS:
        bare = [line for line in lines if way(line) is None]
        most = _split([line for line in lines if way(line) is not None], order, way)
        if not bare or most is None or 2 * len(bare) > len(most.numbers):
            continue
        if most.near() and _judge(most) != "names":
            raise NoLabels(
                f"has a number in {len(most.numbers)} of {len(lines)} lines, and none in "
                f"'{bare[0][:40]}': number every line from 0 on, or none; {AS_JSON}"
            )
