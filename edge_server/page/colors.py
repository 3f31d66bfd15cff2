"""The pages' colours from a few that the owner names: all others follow, and all can be read.

Contrast is that of WCAG 2.2, success criterion 1.4.3 (AA): 4.5 to 1 for text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_server.errors import SettingError

RGB = tuple[int, int, int]

READABLE: Final = 4.5
# What is derived for the dark reads as well as the colours that come with the pages.
_FROM_AFAR: Final = 8.0
NAMES: Final = ("paper", "ink", "accent", "line")
DARK: Final = "dark-"
_BLACK: Final[RGB] = (0, 0, 0)
_WHITE: Final[RGB] = (255, 255, 255)
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_STEPS: Final = 50


@dataclass(frozen=True)
class Palette:
    """One scheme, light or dark: background, text, answer, margin line; red and amber."""

    paper: RGB
    ink: RGB
    accent: RGB
    line: RGB
    fault: RGB
    unsure: RGB


# As static/colors.css has them; a test holds the two together.
LIGHT_PALETTE: Final = Palette(
    paper=(0xF3, 0xF5, 0xF9),
    ink=(0x11, 0x1A, 0x2E),
    accent=(0x1C, 0x2F, 0x96),
    line=(0xD8, 0x40, 0x4A),
    fault=(0xA3, 0x13, 0x1F),
    unsure=(0x8A, 0x4F, 0x00),
)
DARK_PALETTE: Final = Palette(
    paper=(0x0B, 0x10, 0x1B),
    ink=(0xEE, 0xF2, 0xFB),
    accent=(0xA9, 0xBB, 0xFF),
    line=(0xD8, 0x50, 0x5A),
    fault=(0xFF, 0x9A, 0x96),
    unsure=(0xF2, 0xB8, 0x66),
)


def contrast(one: RGB, other: RGB) -> float:
    """The contrast ratio of two colours, 1..21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def palettes(text: str) -> tuple[Palette, Palette]:
    """The light and the dark palette of such a text as 'accent=#0b6e4f, dark-paper=#000'.

    Raises SettingError where it names something else, or what could not be read.
    """
    given = _pairs(text)
    light = _palette(LIGHT_PALETTE, given, "")
    # The accent stands for the owner in both schemes; in the dark one as light as it has to be.
    named = {name: given[name] for name in ("accent", "line") if name in given}
    paper = given.get(f"{DARK}paper", DARK_PALETTE.paper)
    if "accent" in named:
        named["accent"] = readable(named["accent"], paper, _FROM_AFAR)
    dark = _palette(DARK_PALETTE, {f"{DARK}{n}": c for n, c in named.items()} | given, DARK)
    return light, dark


def check(text: str) -> None:
    """Raises SettingError where the text is not fit for palettes()."""
    palettes(text)


def style_sheet(text: str) -> str:
    """The custom properties that the pages' style sheets use, of the colours in the text."""
    light, dark = palettes(text)
    return (
        f":root {{\n{_properties(light)}}}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{\n{_properties(dark)}}} }}\n"
    )


def readable(colour: RGB, on: RGB, ratio: float = READABLE) -> RGB:
    """The colour, as much darker or lighter as text on that background needs."""
    target = max((_BLACK, _WHITE), key=lambda end: contrast(end, on))
    for step in range(_STEPS + 1):
        mixed = mix(colour, target, step / _STEPS)
        if contrast(mixed, on) >= ratio:
            return mixed
    return target


def mix(one: RGB, other: RGB, share: float) -> RGB:
    """One colour with a share (0..1) of another."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def hex_of(colour: RGB) -> str:
    """As style sheets write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _pairs(text: str) -> dict[str, RGB]:
    given: dict[str, RGB] = {}
    known = [*NAMES, *(DARK + name for name in NAMES)]
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in known:
            raise SettingError(f"There is no colour '{name[:40]}': name {', '.join(known)}.")
        if not _HEX.fullmatch(value):
            raise SettingError(
                f"{name} is '{value[:40]}': write a colour as #rrggbb, as in {name}=#0b6e4f."
            )
        digits = value[1:] if len(value) == 7 else "".join(c * 2 for c in value[1:])
        red, green, blue = bytes.fromhex(digits)
        given[name] = (red, green, blue)
    return given


def _palette(base: Palette, given: Mapping[str, RGB], prefix: str) -> Palette:
    paper, ink, accent, line = (given.get(prefix + name, getattr(base, name)) for name in NAMES)
    for name, colour in (("ink", ink), ("accent", accent)):
        ratio = contrast(colour, paper)
        if ratio < READABLE:
            better = hex_of(readable(colour, paper))
            raise SettingError(
                f"{prefix}{name} {hex_of(colour)} on {prefix}paper {hex_of(paper)} can't be read: "
                f"its contrast is {ratio:.1f} to 1 and has to be {READABLE} to 1; "
                f"{prefix}{name}={better} would do."
            )
    fault, unsure = readable(base.fault, paper), readable(base.unsure, paper)
    return Palette(paper, ink, accent, line, fault, unsure)


def _properties(palette: Palette) -> str:
    paper, ink, accent = palette.paper, palette.ink, palette.accent
    is_dark = _luminance(paper) < _luminance(ink)
    sheet = mix(paper, _WHITE, 0.05 if is_dark else 0.75)
    properties = {
        "margin": paper,
        "paper": sheet,
        "square": mix(sheet, accent, 0.14),
        "ink": ink,
        # On the lighter sheet too, which is the harder one in the dark.
        "ink-soft": readable(readable(mix(ink, paper, 0.3), paper), sheet),
        "hairline": mix(paper, ink, 0.2),
        "track": mix(paper, ink, 0.13),
        "pen": accent,
        "pen-soft": mix(accent, paper, 0.25),
        "on-pen": max((_BLACK, _WHITE), key=lambda end: contrast(end, accent)),
        "margin-line": palette.line,
        "unsure": palette.unsure,
        "fault-text": palette.fault,
    }
    return "".join(f"  --{name}: {hex_of(colour)};\n" for name, colour in properties.items())


def _luminance(colour: RGB) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
