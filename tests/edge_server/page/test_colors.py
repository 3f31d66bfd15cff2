"""Colours of one's own: readable ones are taken, others are refused with one that would do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_server.errors import SettingError
from edge_server.page import colors

ROOT = Path(__file__).resolve().parents[3]
STYLE_SHEET = ROOT / "edge_server" / "static" / "colors.css"


def properties(css: str) -> list[dict[str, str]]:
    """The custom properties of each block, in order: light, dark."""
    return [dict(re.findall(r"--([a-z-]+): (#\w{6})", block)) for block in css.split("@media")]


def rgb(text: str) -> colors.RGB:
    red, green, blue = bytes.fromhex(text[1:7])
    return red, green, blue


def test_contrast_is_that_of_the_standard():
    assert colors.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert colors.contrast((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    # The examples that everybody knows: the lightest grey on white that passes, and the next.
    assert (
        colors.contrast((0x76,) * 3, (255,) * 3) >= 4.5 > colors.contrast((0x77,) * 3, (255,) * 3)
    )


def test_the_style_sheet_and_the_palettes_say_the_same():
    for found, palette in zip(
        properties(STYLE_SHEET.read_text()),
        (colors.LIGHT_PALETTE, colors.DARK_PALETTE),
        strict=True,
    ):
        assert rgb(found["margin"]) == palette.paper
        assert rgb(found["ink"]) == palette.ink
        assert rgb(found["pen"]) == palette.accent
        assert rgb(found["margin-line"]) == palette.line
        assert rgb(found["fault-text"]) == palette.fault
        assert rgb(found["unsure"]) == palette.unsure


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accent=#0b6e4f",
        "accent=#0b6e4f, paper=#fffdf5, line=#c80",
        "ink=#000,paper=#ffffff",
        "dark-paper=#000000, dark-ink=#ffffff",
        "paper=#101010, ink=#eee, accent=#ffd400",
    ],
)
def test_every_text_can_be_read_on_every_background_it_stands_on(text):
    blocks = properties(colors.style_sheet(text))
    assert len(blocks) == 2
    for found in [*blocks, *properties(STYLE_SHEET.read_text())]:
        for name in ("ink", "ink-soft", "pen", "unsure", "fault-text"):
            assert colors.contrast(rgb(found[name]), rgb(found["margin"])) >= 4.5, (name, found)
        for name in ("ink", "ink-soft"):
            assert colors.contrast(rgb(found[name]), rgb(found["paper"])) >= 4.5, (name, found)
        assert colors.contrast(rgb(found["on-pen"]), rgb(found["pen"])) >= 4.5


def test_the_accent_is_lightened_for_the_dark():
    light, dark = colors.palettes("accent=#0b6e4f")
    assert light.accent == rgb("#0b6e4f")
    assert colors.contrast(dark.accent, dark.paper) >= 8
    assert colors.palettes("accent=#0b6e4f, dark-accent=#8fd6a5")[1].accent == rgb("#8fd6a5")


def test_colours_that_can_t_be_read_are_refused_with_one_that_would_do():
    with pytest.raises(SettingError, match=r"accent #ffd400 .* contrast is 1\.\d to 1") as refused:
        colors.check("accent=#ffd400")
    better = re.search(r"accent=(#\w{6}) would do", str(refused.value))
    assert better is not None
    colors.check(f"accent={better[1]}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("background=#fff", "no colour 'background': name paper, ink, accent, line"),
        ("accent=green", "accent is 'green': write a colour as #rrggbb"),
        ("accent=#12345", "write a colour as #rrggbb"),
        ("#0b6e4f", "no colour '#0b6e4f'"),
    ],
)
def test_what_is_no_colour_is_refused_with_how_to_write_it(text, sentence):
    with pytest.raises(SettingError, match=re.escape(sentence)):
        colors.check(text)
