"""How figures and sentences are written in the report."""

from __future__ import annotations

import pytest

from convert.page import html_format


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (html_format.percent(0.9512), "95.1%"),
        (html_format.percent(None), "not measured"),
        (html_format.interval((0.91, 0.973)), "91.0% to 97.3%"),
        (html_format.points(-8.0), "−8.0 points"),
        (html_format.points(0.5), "+0.5 points"),
        (html_format.points(-0.04), "0.0 points"),
        (html_format.points_interval((-3.24, 2.2)), "−3.2 to +2.2 points"),
        (html_format.milliseconds(0.594), "0.594 ms"),
        (html_format.milliseconds(3.912), "3.91 ms"),
        (html_format.milliseconds(103.4), "103 ms"),
        (html_format.milliseconds(0.0), "0 ms"),
        (html_format.seconds(12.34), "12.3 s"),
        (html_format.seconds(125), "2 min 5 s"),
        (html_format.size(999), "999 bytes"),
        (html_format.size(776_204), "776 kB"),
        (html_format.size(999_900), "1.00 MB"),
        (html_format.size(4_164_648), "4.16 MB"),
        (html_format.number(127.5), "127.5"),
        (html_format.number(-0.80392), "−0.804"),
        (html_format.count(1, "photo"), "1 photo"),
        (html_format.count(12345, "class", "classes"), "12,345 classes"),
        (html_format.title("calibration-photos"), "Calibration photos"),
        (html_format.short("x" * 10, 5), "xxxx…"),
        (html_format.short("xxxxx", 5), "xxxxx"),
    ],
)
def test_a_figure_is_written(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it loses 8.0 points", "It loses 8.0 points."),
        ("int8 is the fastest", "int8 is the fastest."),
        ("Already one.", "Already one."),
        ("", ""),
    ],
)
def test_a_reason_becomes_a_sentence(text: str, expected: str) -> None:
    assert html_format.sentence(text) == expected


def test_what_is_typed_is_code_and_everything_is_escaped() -> None:
    assert html_format.prose("`convert doctor <x>` finds what --max-drop and a--b hide & seek") == (
        "<code>convert doctor &lt;x&gt;</code> finds what "
        '<code class="option">--max-drop</code> and a--b hide &amp; seek.'
    )
