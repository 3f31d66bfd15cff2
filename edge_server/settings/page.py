"""How the pages look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_server.configuration.declaration import setting
from edge_server.page import colors, logo


@dataclass(frozen=True)
class PageSettings:
    title: str = setting(
        "",
        "heading of the kiosk page (default: the model's name)",
        "TEXT",
        reason="the model's name says what is served",
    )
    logo: Path | None = setting(
        None,
        "logo for the kiosk page, an SVG or PNG file",
        "FILE",
        check=logo.check,
        reason="the page needs none, and which is right its owner knows",
    )
    colors: str = setting(
        "",
        "colours of the pages, such as 'accent=#0b6e4f, paper=#fffdf5': paper, ink, accent, line, "
        "and with dark- before it each for dark screens; those that could not be read are refused",
        "NAME=COLOUR,...",
        check=colors.check,
        reason="the colours that come with the pages can be read from afar, by day and by night",
    )
