"""Draws a caption on a picture, readable at any size."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from camera.caption import Caption
from camera.frame import Pixels

# Of the picture's height; the picture is what people came for.
_TEXT_SHARE: Final = 1 / 18
_SMALLEST, _LARGEST = 11, 72
_PADDING: Final = 0.45  # of the text's height
# What is left of the picture's light behind the words.
_GROUND: Final = 0.35
_WORDS, _NUMBERS = (255, 255, 255), (255, 205, 120)
_ELLIPSIS: Final = "..."
_LONGEST: Final = 200
_NEVER_DRAWN: Final = "\U0010fffe"
# Pillow's own font is everywhere and has little more than ASCII. Where a label has more, one of
# these is looked for in the system's folders.
_SYSTEM_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
)
_PLAIN: Final = {"ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE"}

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(pixels: Pixels, caption: Caption) -> Pixels:
    """A copy of uint8 (H, W, 3) RGB pixels with a dark strip at its bottom, the words in it."""
    drawn = np.array(pixels)
    text, cover = _strip(caption, pixels.shape[1], pixels.shape[0])
    below = drawn[pixels.shape[0] - text.shape[0] :]
    dark = below * np.float32(_GROUND)
    below[:] = dark + (text - dark) * cover
    return drawn


def writable(text: str, name: str = "") -> str:
    """`text` in one line of characters that the font has; "?" for those that it has not.

    An accent that is missing leaves its letter. Without a `name` it is Pillow's own font.
    """
    font = _font(name, _SMALLEST)
    return "".join(_letter(character, font) for character in _one_line(text))


def _one_line(text: str) -> str:
    line = unicodedata.normalize("NFC", " ".join(text[:_LONGEST].split()))
    # Those that nobody sees alone would be drawn as boxes.
    return "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cf", "Mn", "Me"))


def _letter(character: str, font: _Font) -> str:
    if _has(font, character):
        return character
    plain = _PLAIN.get(character) or unicodedata.normalize("NFKD", character)
    return "".join(c for c in plain if _has(font, c)) or "?"


def _has(font: _Font, character: str) -> bool:
    if not isinstance(font, ImageFont.FreeTypeFont):
        return character.isascii()
    if character == " ":
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(_NEVER_DRAWN))


def _font_for(text: str) -> str:
    """The name of the first font that has all of a text; of Pillow's own, where none has."""
    line = _one_line(text)
    if writable(line) == line:
        return ""
    return next(
        (name for name in _SYSTEM_FONTS if _is_there(name) and writable(line, name) == line), ""
    )


# A caption changes a few times a second, at most; its pictures come more often.
@lru_cache(maxsize=8)
def _strip(
    caption: Caption, width: int, height: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Colour and cover (0..1) of the words in the strip: (h, W, 3) and (h, W, 1)."""
    size = round(min(max(height * _TEXT_SHARE, _SMALLEST), _LARGEST))
    padding = round(size * _PADDING)
    name = _font_for(caption.words)
    font = _font(name, size)
    rows = min(size + 2 * padding, height)
    words, number = writable(caption.words, name), writable(caption.number, name)
    if not words.strip("? "):
        words = caption.instead
    numbers_width = round(font.getlength(number))
    room = width - 2 * padding - (numbers_width + padding if number else 0)
    colour = Image.new("RGB", (width, rows), _WORDS)
    cover = Image.new("L", (width, rows), 0)
    pen = ImageDraw.Draw(cover)
    top = round(padding * 0.9)
    pen.text((padding, top), _cut(words, font, room), 255, font=font)
    left = max(padding, width - padding - numbers_width)
    pen.text((left, top), number, 255, font=font)
    colour.paste(_NUMBERS, (left, 0, width, rows))
    shares = np.asarray(cover, np.float32)[..., None] / np.float32(255)
    return np.asarray(colour, np.float32), shares


def _cut(line: str, font: _Font, room: float) -> str:
    if font.getlength(line) <= room:
        return line
    while line and font.getlength(line.rstrip() + _ELLIPSIS) > room:
        line = line[:-1]
    return line.rstrip() + _ELLIPSIS if line else ""


@lru_cache(maxsize=8)
def _font(name: str, size: int) -> _Font:
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except ImportError:  # a Pillow without FreeType has one small bitmap font only
        return ImageFont.load_default()


@cache
def _is_there(name: str) -> bool:
    try:
        ImageFont.truetype(name, _SMALLEST)
    except (OSError, ImportError):
        return False
    return True
