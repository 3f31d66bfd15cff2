"""Charts as geometry: where things stand, and that no name lies on another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from convert.page import html_plots
from convert.page.html_comparison import Confidence
from convert.page.html_labels import Point, place


def _trial(name: str, agreement: float, milliseconds: float | None, **more: Any) -> dict[str, Any]:
    return {"name": name, "agreement": agreement, "invoke_ms_median": milliseconds, **more}


def test_a_point_stands_at_both_scores() -> None:
    scores = Confidence(
        np.array([0.9, 0.25], np.float32),
        np.array([0.8, 0.1], np.float32),
        np.array([True, False]),
    )
    plot = html_plots.scatter(scores)
    assert plot.agree == ((90.0, 20.0),)
    assert plot.disagree == ((25.0, 90.0),)


def test_of_very_many_points_some_are_drawn_and_all_are_counted() -> None:
    same = np.linspace(0, 1, 9000, dtype=np.float32)
    plot = html_plots.scatter(Confidence(same, same, np.ones(9000, bool)))
    assert (len(plot.agree), plot.agreeing, plot.disagreeing) == (1500, 9000, 0)


def test_the_line_joins_what_nothing_beats_in_both() -> None:
    trials = [_trial("a", 0.7, 1.0), _trial("b", 0.6, 2.0), _trial("c", 0.9, 3.0)]
    plot = html_plots.curve(trials, [], 0.8)
    assert plot is not None
    first, _, last = (placed.point for placed in plot.points)
    assert plot.line == ((first.x, first.y), (last.x, last.y))
    assert first.x < last.x
    assert first.y > last.y  # y from the top
    assert plot.asked is not None
    assert last.y < plot.asked < first.y


def test_the_candidates_stand_on_the_curve_and_the_file_is_marked() -> None:
    trials = [_trial("int8", 0.7, 1.0)]
    candidates = [
        _trial("int8", 0.7, 1.0, verdict="passed", chosen=True),
        _trial("float32", 1.0, 2.0, verdict="passed", chosen=False),
        _trial("dynamic", 1.0, None, verdict="passed", chosen=False),
    ]
    plot = html_plots.curve(trials, candidates, None)
    assert plot is not None
    assert {p.point.name: p.point.kind for p in plot.points} == {
        "int8": "chosen",
        "float32": "candidate",
    }


@pytest.mark.parametrize("trials", [[], [_trial("int8", 0.7, 1.0)]])
def test_less_than_two_points_are_no_curve(trials: list[dict[str, Any]]) -> None:
    assert html_plots.curve(trials, [], 0.9) is None


def test_names_lie_neither_on_each_other_nor_on_a_mark() -> None:
    """On the narrowest screen, where all that is shown everywhere has to fit."""
    points = [Point(20 + n / 2, 50 + n, f"int8 + {n} in float", "trial", "") for n in range(30)]
    placed = place(points, 52.0)
    assert placed[0].text == "int8 + 0 in float"
    boxes = []
    for one in placed:
        if one.room == "all":
            x, y = one.point.x * 2.7 + one.dx, one.point.y * 3.2 + one.dy
            left = x - len(one.text) * 6.6 * {"start": 0, "middle": 0.5, "end": 1}[one.anchor]
            boxes.append((left, y - 11, left + len(one.text) * 6.6, y + 4))
    assert len(boxes) > 3
    marks = [(p.x * 2.7 - 4, p.y * 3.2 - 4, p.x * 2.7 + 4, p.y * 3.2 + 4) for p in points]
    for i, a in enumerate(boxes):
        for b in boxes[:i] + marks:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def test_the_chosen_point_is_named_first() -> None:
    crowd = [Point(50.0 + n, 50.0, f"trial {n}", "trial", "") for n in range(6)]
    alone = place([Point(50.0, 60.0, "the file", "chosen", "")], None)
    assert place([*crowd, Point(50.0, 60.0, "the file", "chosen", "")], None)[-1] == alone[0]


def test_columns_are_as_high_as_the_errors_and_the_worst_are_numbered() -> None:
    layers = [
        {"name": f"l{n}", "error": error, "kept_in_float": error > 0.3}
        for n, error in enumerate((0.1, 0.4, 0.2))
    ]
    plot = html_plots.layer_columns(layers, ranked=2)
    low, high, middle = plot.columns
    assert (low.rank, high.rank, middle.rank) == (None, 1, 2)
    assert high.height == pytest.approx(4 * low.height, abs=0.05)
    assert [c.in_float for c in plot.columns] == [False, True, False]
    assert all(a.x + a.width < b.x for a, b in pairwise(plot.columns))
    assert plot.columns[-1].x + high.width < 100


def test_layers_without_any_error_are_no_division_by_zero() -> None:
    plot = html_plots.layer_columns([{"name": "l", "error": 0.0, "kept_in_float": False}])
    assert plot.columns[0].height == 0.0


def test_strips_hold_interval_and_gate_with_the_better_on_the_right() -> None:
    share = html_plots.share_strip(0.685, (0.618, 0.745), 0.95)
    assert 0 <= share.low < share.middle < share.high < (share.asked or 0) < 100
    assert (share.left, share.right) == ("50%", "100%")
    change = html_plots.change_strip(-8.0, (-13.4, -2.5), -1.0)
    assert 0 <= change.low < change.middle < change.high < (change.asked or 0) < 100
    assert (change.left, change.right) == ("−14", "+1")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_strips_hold_the_ends(share: float) -> None:
    strip = html_plots.share_strip(share, (share, share), 1.0)
    assert 0 <= strip.middle <= 100
    assert strip.asked == 100
