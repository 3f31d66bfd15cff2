"""In which words and colours a page is rendered; what all pages' templates are given."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from flask import Response, make_response, request

from edge_server.api.schema import about
from edge_server.page import colors, texts
from edge_server.services import Services


class LanguageQuery(TypedDict, total=False):
    """In which language."""

    lang: Annotated[str, about("Code of a language, such as de; without it the browser's.")]


def language() -> str:
    """Of the request: ?lang=, else what the browser prefers of what there is."""
    return texts.choose(texts.languages(), request.args.get("lang"), request.accept_languages)


def context(services: Services) -> dict[str, Any]:
    """language; t, the texts; the owner's logo and colours, and those of a browser's frame."""
    chosen = language()
    settings = services.settings
    light, dark = colors.palettes(settings.colors)
    return {
        "language": chosen,
        "t": texts.languages()[chosen],
        "logo": settings.logo is not None,
        "own_colors": bool(settings.colors),
        "frame_light": colors.hex_of(light.paper),
        "frame_dark": colors.hex_of(dark.paper),
    }


def answer(page: str, status: int = 200) -> Response:
    """A rendered page, which is another one in another language."""
    made = make_response(page, status)
    made.vary.update(("Accept-Language",))
    made.headers["Cache-Control"] = "no-cache"
    return made
