"""Where the names of a chart's points go, so that none lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from convert.page import html_format

# Sizes of the plot's area in CSS pixels that have to hold the names: a phone, a tablet, a desk.
_WIDTHS: Final = (270.0, 520.0, 760.0)
_HEIGHT: Final = 320.0
_LETTER: Final = 6.6
_LINE: Final = 15.0
_GAP: Final = 9.0
_LONGEST: Final = 28
_MARK: Final = 6.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """A point in percent of the plot's area, with its name and what kind of thing it is."""

    x: float
    y: float
    name: str
    kind: str  # "chosen", "candidate" or "trial"
    title: str


@dataclass(frozen=True)
class Placed:
    """A point and its label: pixels from the point, how the text is anchored, and on which screens
    there is room for it ("all", "wide", or "none")."""

    point: Point
    text: str
    dx: float
    dy: float
    anchor: str
    room: str


_SIDES: Final = (
    (_GAP, 4.0, "start"),
    (-_GAP, 4.0, "end"),
    (0.0, -_GAP, "middle"),
    (0.0, _GAP + 10, "middle"),
    (_GAP - 2, -_GAP, "start"),
    (_GAP - 2, _GAP + 10, "start"),
    (-_GAP + 2, -_GAP, "end"),
    (-_GAP + 2, _GAP + 10, "end"),
)


def place(points: Sequence[Point], line: float | None) -> tuple[Placed, ...]:
    """A place for each name where there is one: the chosen point's first, then candidates'.

    No name lies on a mark, on another name, or on the line across the plot at `line` percent.
    """
    order = sorted(
        range(len(points)),
        key=lambda i: (("chosen", "candidate", "trial").index(points[i].kind), i),
    )
    taken = {width: [_mark(point, width) for point in points] for width in _WIDTHS}
    if line is not None:
        y = line * _HEIGHT / 100
        for width, boxes in taken.items():
            # The line, and its own name at its right end.
            boxes += [(0.0, y - 1, width, y + 1), (width - 64, y - 18, width, y)]
    placed: dict[int, Placed] = {}
    for i in order:
        for room, widths in (("all", _WIDTHS), ("wide", _WIDTHS[-1:])):
            if i not in placed and (found := _try(points[i], widths, taken, room)):
                placed[i] = found
    return tuple(
        placed.get(i, Placed(point, "", 0.0, 0.0, "start", "none"))
        for i, point in enumerate(points)
    )


def _try(
    point: Point, widths: Sequence[float], taken: dict[float, list[Box]], room: str
) -> Placed | None:
    text = html_format.short(point.name, _LONGEST)
    for dx, dy, anchor in _SIDES:
        boxes = {width: _box(point, text, width, dx, dy, anchor) for width in widths}
        if all(_free(box, width, taken[width]) for width, box in boxes.items()):
            for width, box in boxes.items():
                taken[width].append(box)
            return Placed(point, text, dx, dy, anchor, room)
    return None


def _mark(point: Point, width: float) -> Box:
    x, y = point.x * width / 100, point.y * _HEIGHT / 100
    return x - _MARK, y - _MARK, x + _MARK, y + _MARK


def _box(point: Point, text: str, width: float, dx: float, dy: float, anchor: str) -> Box:
    x, y = point.x * width / 100 + dx, point.y * _HEIGHT / 100 + dy
    length = len(text) * _LETTER
    left = x - length * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    return left, y - _LINE + 4, left + length, y + 4


def _free(box: Box, width: float, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    inside = left >= 2 and right <= width + 8 and top >= -8 and bottom <= _HEIGHT
    return inside and not any(
        left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
        for other in taken
    )
