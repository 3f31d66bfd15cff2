"""Charts of report.html as geometry, without any markup: templates/plots.html draws them.

Coordinates are percent of the plot's area, x from the left and y from the TOP, so that a chart
fits every screen while its letters stay as large as the text around it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert.page import html_format
from convert.page.html_comparison import Confidence
from convert.page.html_labels import Placed, Point, place

# More points than these are neither seen nor worth their bytes.
_MOST_POINTS: Final = 1500
# A candidate slower than the fastest by more would push all others into a corner.
_SLOWEST: Final = 5.0


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in percent, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True)
class Scatter:
    """Each photo at (original's score, candidate's score) for the original's answer."""

    agree: tuple[tuple[float, float], ...]
    disagree: tuple[tuple[float, float], ...]
    ticks: tuple[Tick, ...]
    ticks_up: tuple[Tick, ...]
    agreeing: int
    disagreeing: int


def scatter(scores: Confidence) -> Scatter:
    """The scatter of a comparison; evenly chosen points where there are too many."""
    where = [
        (round(100 * float(x), 1), round(100 - 100 * float(y), 1))
        for x, y in zip(scores.original, scores.candidate, strict=True)
    ]
    same = [point for point, agree in zip(where, scores.agree, strict=True) if agree]
    other = [point for point, agree in zip(where, scores.agree, strict=True) if not agree]
    ticks = tuple(Tick(float(at), f"{at}%") for at in (0, 25, 50, 75, 100))
    up = tuple(Tick(100 - tick.at, tick.text) for tick in ticks)
    return Scatter(_some(same), _some(other), ticks, up, len(same), len(other))


def _some(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    count = min(len(points), _MOST_POINTS)
    return tuple(points[i * len(points) // count] for i in range(count))


@dataclass(frozen=True)
class Curve:
    """Agreement against latency. `line` goes through the points that no other beats in both."""

    points: tuple[Placed, ...]
    line: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    asked: float | None  # y of the agreement that the gate asks for
    beyond: tuple[str, ...]  # what is too slow to stand on the same axis


def curve(
    trials: Sequence[Mapping[str, Any]],
    candidates: Sequence[Mapping[str, Any]],
    min_agreement: float | None,
) -> Curve | None:
    """The curve of the search with the candidates on it; None for fewer than two points."""
    known = {str(c["name"]): c for c in (*trials, *candidates)}
    measured = [c for c in known.values() if c["invoke_ms_median"] is not None]
    if len(measured) < 2:
        return None
    times = [float(c["invoke_ms_median"]) for c in measured]
    limit = max(_SLOWEST * min(times), *_chosen_time(measured))
    beyond = [c for c in measured if float(c["invoke_ms_median"]) > limit]
    measured = [c for c in measured if float(c["invoke_ms_median"]) <= limit]
    lowest = min(float(c["agreement"]) for c in measured)
    if min_agreement is not None:
        lowest = min(lowest, min_agreement)
    x_ticks = _ticks(min(times) * 0.95, max(t for t in times if t <= limit) * 1.02)
    y_ticks = _ticks(max(0.0, 100 * lowest - 1), 100.0)

    def x(milliseconds: float) -> float:
        return round(100 * (milliseconds - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]), 2)

    def y(fraction: float) -> float:
        return round(100 - 100 * (100 * fraction - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]), 2)

    points = [
        Point(
            x=x(float(c["invoke_ms_median"])),
            y=y(float(c["agreement"])),
            name=str(c["name"]),
            kind="chosen" if c.get("chosen") else "candidate" if "verdict" in c else "trial",
            title=_title(c),
        )
        for c in sorted(measured, key=lambda c: (float(c["invoke_ms_median"]), str(c["name"])))
    ]
    return Curve(
        points=place(points, None if min_agreement is None else y(min_agreement)),
        line=_frontier(points),
        x_ticks=tuple(Tick(x(t), f"{t:g}") for t in x_ticks),
        y_ticks=tuple(Tick(y(t / 100), f"{t:g}%") for t in y_ticks),
        asked=None if min_agreement is None else y(min_agreement),
        beyond=tuple(map(_title, beyond)),
    )


def _chosen_time(candidates: Sequence[Mapping[str, Any]]) -> list[float]:
    """The chosen one is always shown, with 0.0 where none is chosen."""
    return [0.0, *(float(c["invoke_ms_median"]) for c in candidates if c.get("chosen"))]


def _title(candidate: Mapping[str, Any]) -> str:
    agreement = html_format.percent(candidate["agreement"])
    return f"{candidate['name']}: {agreement} in " + html_format.milliseconds(
        candidate["invoke_ms_median"]
    )


def _frontier(points: Sequence[Point]) -> tuple[tuple[float, float], ...]:
    """Points, in the order of their latency, that agree more than every faster one."""
    line: list[tuple[float, float]] = []
    for point in points:
        if not line or point.y < line[-1][1]:
            line.append((point.x, point.y))
    return tuple(line)


@dataclass(frozen=True)
class Column:
    """A layer's error as a column; `rank` is its number in the table, for the worst."""

    x: float
    width: float
    y: float
    height: float
    rank: int | None
    in_float: bool
    title: str


@dataclass(frozen=True)
class Columns:
    """The error of every layer in the order of the document, which is that of execution."""

    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]


def layer_columns(layers: Sequence[Mapping[str, Any]], ranked: int = 3) -> Columns:
    """`layers` is not empty; the `ranked` worst get their number."""
    # Above the highest column there is room for its number.
    ticks = _ticks(0.0, 1.12 * max(1e-6, *(float(layer["error"]) for layer in layers)))
    worst = sorted(range(len(layers)), key=lambda i: (-float(layers[i]["error"]), i))[:ranked]
    step = 100 / len(layers)
    columns = []
    for i, layer in enumerate(layers):
        height = round(100 * float(layer["error"]) / ticks[-1], 2)
        columns.append(
            Column(
                x=round((i + 0.14) * step, 3),
                width=round(0.72 * step, 3),
                y=round(100 - height, 2),
                height=height,
                rank=worst.index(i) + 1 if i in worst else None,
                in_float=bool(layer["kept_in_float"]),
                title=f"{html_format.short(str(layer['name']), 60)}: {float(layer['error']):.3f}",
            )
        )
    return Columns(
        tuple(columns), tuple(Tick(round(100 - 100 * t / ticks[-1], 2), f"{t:g}") for t in ticks)
    )


@dataclass(frozen=True)
class Strip:
    """An interval on a line: percent from the left. `asked` is where the gate stands."""

    low: float
    middle: float
    high: float
    asked: float | None
    left: str  # what the ends of the line mean
    right: str


def share_strip(fraction: float, bounds: Sequence[float], asked: float | None) -> Strip:
    """A fraction with its interval, on a line that ends at 100 %."""
    least = min(bounds[0], *(() if asked is None else (asked,)))
    start: float = max(0.0, min(90.0, 10 * math.floor(10 * least - 0.2)))

    def x(value: float) -> float:
        return round(100 * (100 * value - start) / (100 - start), 2)

    limit = None if asked is None else x(asked)
    return Strip(x(bounds[0]), x(fraction), x(bounds[1]), limit, f"{start:g}%", "100%")


def change_strip(change: float, bounds: Sequence[float], allowed: float) -> Strip:
    """A change in points with its interval, on a line that has nought and `allowed` on it."""
    low, high = min(allowed, bounds[0]), max(0.0, bounds[1])
    start, end = math.floor(low - 0.02 * (high - low)), math.ceil(high + 0.02 * (high - low))

    def x(value: float) -> float:
        return round(100 * (value - start) / (end - start), 2)

    return Strip(x(bounds[0]), x(change), x(bounds[1]), x(allowed), _change(start), _change(end))


def _change(value: float) -> str:
    return f"{value:+g}".replace("-", "\N{MINUS SIGN}") if value else "0"


def _ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers that cover low..high, at most about `most` of them."""
    span = max(high - low, 1e-9)
    size: float = 10.0 ** math.floor(math.log10(span / most))
    steps = (multiple * size for multiple in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0))
    step: float = next(step for step in steps if span / step <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
