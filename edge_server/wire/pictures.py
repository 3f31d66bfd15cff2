"""How a client says what of the camera's pictures it wants to see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypedDict

from camera.looks import Look
from edge_server.api.schema import about
from edge_server.errors import BadRequest

MIN_WIDTH: Final = 16
MAX_WIDTH: Final = 8192
MIN_FPS: Final = 0.1
MAX_FPS: Final = 120.0


class PictureQuery(TypedDict, total=False):
    """How a picture is to look."""

    width: Annotated[
        int,
        about(
            "Pixels that it may be wide. The height follows, both are even, and nothing is made "
            "larger than the camera gives it.",
            minimum=MIN_WIDTH,
            maximum=MAX_WIDTH,
        ),
    ]
    overlay: Annotated[
        Literal[0, 1],
        about("1 writes label and confidence of the live answer on it.", default=0),
    ]


class StreamQuery(PictureQuery, total=False):
    """How the pictures of a stream are to look, and how many are wanted."""

    fps: Annotated[
        float,
        about(
            "Pictures a second, at most; without it as many as the camera gives.",
            minimum=MIN_FPS,
            maximum=MAX_FPS,
        ),
    ]


def look(query: Mapping[str, str]) -> Look:
    """What `width` and `overlay` ask for. Raises BadRequest."""
    return Look(_width(query.get("width")), _overlay(query.get("overlay", "0")))


def fps(query: Mapping[str, str]) -> float | None:
    """What `fps` asks for, None for as many as there are. Raises BadRequest."""
    text = query.get("fps")
    if text is None:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not MIN_FPS <= rate <= MAX_FPS:
        raise BadRequest(
            f"fps is '{text[:20]}': use a number from {MIN_FPS:g} to {MAX_FPS:g}, for example 5."
        )
    return rate


def _width(text: str | None) -> int | None:
    if text is None:
        return None
    width = int(text[:9]) if text.isascii() and text.isdigit() else 0
    if not MIN_WIDTH <= width <= MAX_WIDTH:
        raise BadRequest(
            f"width is '{text[:20]}': use a whole number of pixels from {MIN_WIDTH} to "
            f"{MAX_WIDTH}, for example 640."
        )
    return width


def _overlay(text: str) -> bool:
    if text not in ("0", "1"):
        raise BadRequest(
            f"overlay is '{text[:20]}': use 1 for label and confidence on the picture, 0 for none."
        )
    return text == "1"
