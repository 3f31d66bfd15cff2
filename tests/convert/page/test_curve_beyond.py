"""The curve keeps its points apart, whatever the slowest candidate takes."""

from __future__ import annotations

from convert.page import html_plots


def trial(name: str, milliseconds: float, *, chosen: bool = False) -> dict[str, object]:
    return {
        "name": name,
        "agreement": 0.9,
        "invoke_ms_median": milliseconds,
        "float_layers": 0,
        "verdict": "passed",
        "chosen": chosen,
    }


def test_a_candidate_many_times_slower_is_named_but_not_drawn() -> None:
    plot = html_plots.curve([], [trial("a", 1.0), trial("b", 1.5), trial("slow", 45.0)], 0.95)
    assert plot is not None
    assert [placed.point.name for placed in plot.points] == ["a", "b"]
    assert plot.beyond == ("slow: 90.0% in 45.0 ms",)
    assert plot.points[1].point.x - plot.points[0].point.x > 30


def test_the_chosen_one_is_drawn_however_slow() -> None:
    plot = html_plots.curve([], [trial("a", 1.0), trial("slow", 45.0, chosen=True)], 0.95)
    assert plot is not None
    assert [placed.point.name for placed in plot.points] == ["a", "slow"]
    assert plot.beyond == ()
