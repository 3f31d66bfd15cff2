"""The picture that viewers see when the camera gives none; knows nothing of streams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from camera.frame import Pixels
from camera.state import CameraState, CameraStatus, clock_time

SIZE = (640, 480)

_TOP, _BOTTOM = (32, 40, 56), (14, 18, 27)
_TITLE, _NOTE, _LINE = (240, 243, 248), (150, 162, 182), (48, 58, 77)
_BODY, _ACCENT = (120, 134, 158), (247, 178, 77)
_NOTE_WIDTH = 520
_SUPERSAMPLING = 4

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Notice:
    """What a placeholder says: a title, one line below it, a smaller explanation; and its icon.

    lost  the camera is crossed out
    """

    title: str
    line: str
    note: str
    lost: bool = True


def notice(status: CameraStatus) -> Notice:
    """What there is to say to the viewer of a camera that shows nothing."""
    comes_back = status.error or "The picture comes back by itself."
    if status.last_frame_at is not None:
        return Notice("Camera lost", f"since {clock_time(status.last_frame_at)}", comes_back)
    if status.state is CameraState.OPENING and status.error is None:
        return Notice(
            "Starting camera", "waiting for the first picture", "This takes a few seconds.", False
        )
    return Notice("No camera", "no picture since the start", comes_back)


def draw(words: Notice) -> Pixels:
    """The placeholder as uint8 (480, 640, 3) RGB."""
    image = _background()
    width = SIZE[0]
    icon = _icon(crossed_out=words.lost)
    image.paste(icon, ((width - icon.width) // 2, 74), icon)
    pen = ImageDraw.Draw(image)
    pen.text((width // 2, 252), words.title, _TITLE, font=_font(46), anchor="mm")
    pen.text((width // 2, 306), words.line, _ACCENT, font=_font(28), anchor="mm")
    pen.line((width // 2 - 32, 346, width // 2 + 32, 346), _LINE, 2)
    font = _font(17)
    for row, text in enumerate(_wrapped(words.note, font, rows=3)):
        pen.text((width // 2, 380 + 26 * row), text, _NOTE, font=font, anchor="mm")
    return np.asarray(image, dtype=np.uint8)


def _background() -> Image.Image:
    shade = np.linspace(0.0, 1.0, SIZE[1])[:, None]
    column = np.array(_TOP) * (1.0 - shade) + np.array(_BOTTOM) * shade
    rows = np.repeat(np.rint(column).astype(np.uint8)[:, None, :], SIZE[0], axis=1)
    return Image.fromarray(rows)


def _icon(*, crossed_out: bool) -> Image.Image:
    """A camera in outline on a transparent ground."""
    width, height, scale = 148, 124, _SUPERSAMPLING
    # Drawn large and reduced, since Pillow's shapes have no antialiasing.
    icon = Image.new("RGBA", (width * scale, height * scale), (*_BODY, 0))
    pen = ImageDraw.Draw(icon)

    def at(*values: float) -> list[float]:
        return [value * scale for value in values]

    stroke = 7 * scale
    pen.rounded_rectangle(at(14, 30, 134, 112), 16 * scale, outline=_BODY, width=stroke)
    hump = at(48, 32, 57, 14, 91, 14, 100, 32)
    pen.line(hump, fill=_BODY, width=stroke, joint="curve")
    pen.ellipse(at(49, 46, 99, 96), outline=_BODY, width=stroke)
    pen.ellipse(at(112, 43, 121, 52), fill=_BODY)
    if crossed_out:
        # A wider transparent stroke first keeps the slash apart from the outline.
        _slash(pen, at(22, 114), at(126, 10), (*_BODY, 0), 21 * scale)
        _slash(pen, at(22, 114), at(126, 10), (*_ACCENT, 255), 8 * scale)
    return icon.resize((width, height), Image.Resampling.LANCZOS)


def _slash(
    pen: ImageDraw.ImageDraw,
    start: list[float],
    end: list[float],
    colour: tuple[int, ...],
    thick: int,
) -> None:
    pen.line(start + end, fill=colour, width=thick)
    for x, y in (start, end):
        pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)


def _font(size: int) -> _Font:
    try:
        return ImageFont.load_default(size)
    except ImportError:
        # A Pillow without FreeType has one small bitmap font only: plain, but readable.
        return ImageFont.load_default()


def _wrapped(text: str, font: _Font, rows: int) -> list[str]:
    """`text` in at most `rows` lines of at most _NOTE_WIDTH pixels, cut with an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > _NOTE_WIDTH:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > rows:
        lines = lines[:rows]
        lines[-1] += "..."
    return [_cut(line, font) for line in lines]


def _cut(line: str, font: _Font) -> str:
    if font.getlength(line) <= _NOTE_WIDTH:
        return line
    while line and font.getlength(line + "...") > _NOTE_WIDTH:
        line = line[:-1]
    return line + "..."
