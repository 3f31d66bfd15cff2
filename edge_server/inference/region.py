"""The part of a picture that counts, in fractions of the upright picture. Knows no models."""

from __future__ import annotations

from dataclasses import dataclass

from edge_server.errors import SettingError
from edge_server.inference.decoding import Pixels

_EXAMPLE = "write X,Y,WIDTH,HEIGHT as fractions of the picture, such as 0.25,0,0.5,1 for its middle"


@dataclass(frozen=True)
class Region:
    """A rectangle: its left upper corner and its size, each 0..1 of the picture's own."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        """Raises SettingError where it is empty or not inside of the picture."""
        if not (self.width > 0 and self.height > 0):
            raise SettingError(f"the region is empty: {_EXAMPLE}.")
        # A little room: 0.3 + 0.7 is not always 1 in binary.
        right, bottom = self.x + self.width, self.y + self.height
        if not (self.x >= 0 and self.y >= 0 and right <= 1 + 1e-9 and bottom <= 1 + 1e-9):
            raise SettingError(
                f"the region reaches beyond the picture: {_EXAMPLE}; x + width and y + height are "
                "at most 1."
            )

    def cut(self, pixels: Pixels) -> Pixels:
        """The part of uint8 (h, w, channels), a view of it; one pixel at least."""
        height, width = pixels.shape[:2]
        left, right = _span(self.x, self.width, width)
        top, bottom = _span(self.y, self.height, height)
        return pixels[top:bottom, left:right]


def parse(text: str) -> Region:
    """The region that a setting names. Raises SettingError."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise SettingError(f"the region is not four numbers: {_EXAMPLE}.")
    return Region(*numbers)


def _span(start: float, length: float, size: int) -> tuple[int, int]:
    """The first pixel and the one behind the last."""
    first = min(round(start * size), size - 1)
    return first, max(first + 1, min(size, round((start + length) * size)))
