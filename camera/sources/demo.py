"""A camera for those who have none: a slideshow of handwritten digits that no training has seen.

The digits come with the package, as a sheet made from scikit-learn's `load_digits`.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.pacing import Pacer

SIZE = (640, 480)
FPS = 10
SECONDS_PER_DIGIT = 2

_TILE = 8
_COLUMNS = 20
_DIGIT = 448
_RIM = 1
_PAPER, _INK, _DESK, _CAPTION = (252, 251, 247), (14, 18, 30), (203, 196, 184), (116, 108, 95)


def _ink(value: float) -> int:
    """Smoothstep from 0.15 to 0.85 of the scale: takes the blur of the enlargement back.

    Reduced to 8x8 again, the picture is nearer to its tile than without.
    """
    x = min(1.0, max(0.0, (value / 255.0 - 0.15) / 0.7))
    return round(255.0 * x * x * (3.0 - 2.0 * x))


_INK_OF_VALUE = [_ink(value) for value in range(256)]


class DemoSource:
    """Pictures of SIZE: one digit, dark ink on light paper, inside the centre square.

    A new digit every SECONDS_PER_DIGIT, FPS pictures a second, over and over.
    """

    def __init__(self) -> None:
        self._pacer = Pacer(1.0 / FPS)
        self._count = 0
        self._picture: Pixels | None = None

    def open(self) -> None:
        demo_digits()
        self._pacer = Pacer(1.0 / FPS)
        self._count = 0

    def read(self) -> Pixels:
        tiles, _ = demo_digits()
        self._pacer.wait()
        digit, repeat = divmod(self._count, FPS * SECONDS_PER_DIGIT)
        if self._picture is None or repeat == 0:
            self._picture = picture(tiles, digit % len(tiles))
        self._count += 1
        return self._picture

    def close(self) -> None:
        self._picture = None

    def describe(self) -> str:
        try:
            return f"demo: {len(demo_digits()[1])} held-out digits"
        except CameraError:
            return "demo: held-out digits"


@cache
def demo_digits() -> tuple[Pixels, tuple[str, ...]]:
    """The bundled digits: uint8 (N, 8, 8), 0..255, ink bright on dark; and their N labels.

    Raises CameraError where the package is incomplete.
    """
    folder = resources.files("camera.sources")
    try:
        labels = tuple((folder / "demo_digits.txt").read_text(encoding="ascii").split())
        with (folder / "demo_digits.png").open("rb") as file:
            sheet = np.asarray(Image.open(file).convert("L"), dtype=np.uint8)
    except OSError as error:
        raise CameraError(
            "The demo camera's digits can't be read; install this program again."
        ) from error
    rows = sheet.shape[0] // _TILE
    if sheet.shape != (rows * _TILE, _COLUMNS * _TILE) or not 0 < len(labels) <= rows * _COLUMNS:
        raise CameraError(
            "The demo camera's digits and their labels do not match; install this program again."
        )
    tiles = sheet.reshape(rows, _TILE, _COLUMNS, _TILE).swapaxes(1, 2).reshape(-1, _TILE, _TILE)
    return tiles[: len(labels)], labels


def picture(tiles: Pixels, index: int) -> Pixels:
    """Digit `index` of (N, 8, 8) tiles as the demo camera shows it: uint8 (480, 640, 3) RGB."""
    # A rim of empty paper lets strokes end softly where they touch the edge of the tile.
    tile = Image.fromarray(np.pad(tiles[index], _RIM))
    side = _DIGIT * (_TILE + 2 * _RIM) // _TILE
    strokes = tile.resize((side, side), Image.Resampling.BICUBIC).point(_INK_OF_VALUE)
    ink = Image.new("L", SIZE)
    ink.paste(strokes, ((SIZE[0] - side) // 2, (SIZE[1] - side) // 2))
    page = _page().copy()
    page.paste(Image.new("RGB", SIZE, _INK), mask=ink)
    _caption(page, index, len(tiles))
    return np.asarray(page, dtype=np.uint8)


@cache
def _page() -> Image.Image:
    """A square sheet of paper that fills the centre square, with its shadow on a desk beside it."""
    width, height = SIZE
    left, right = (width - height) // 2, (width + height) // 2
    shadow = Image.new("L", SIZE)
    ImageDraw.Draw(shadow).rectangle((left, 0, right - 1, height), fill=120)
    page = Image.new("RGB", SIZE, _DESK)
    page.paste(Image.new("RGB", SIZE, _CAPTION), mask=shadow.filter(ImageFilter.GaussianBlur(9)))
    page.paste(_PAPER, (left, 0, right, height))
    return page


def _caption(page: Image.Image, index: int, count: int) -> None:
    """Which digit it is, beside the paper, where a model that takes the centre does not see it."""
    try:
        small, large = ImageFont.load_default(13), ImageFont.load_default(24)
    except ImportError:
        return  # a Pillow without FreeType: the digit alone is enough
    pen = ImageDraw.Draw(page)
    pen.text((34, 438), f"{index + 1}", _CAPTION, font=large, anchor="mm")
    pen.text((34, 460), f"of {count}", _CAPTION, font=small, anchor="mm")
