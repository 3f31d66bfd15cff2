"""Tells when the lower edge of the pictures never changes; knows no stream.

Where a stream changes its size, OpenCV 4 goes on with the old one and leaves the lower rows as they
were (OpenCV 5 does not). Opening the stream again cures it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from camera.frame import Pixels

_ROWS: Final = 8
# A camera that sees nothing move encodes the whole picture anew at least so often. Seconds.
_SUSPICIOUS: Final = 30.0


class Standstill:
    """To be told of every picture; suspects each size only once, as a real edge may be black."""

    def __init__(self) -> None:
        self._rows: Pixels | None = None
        self._since = 0.0
        self._suspected: set[tuple[int, ...]] = set()

    def begin(self) -> None:
        """The stream was opened again."""
        self._rows = None

    def suspects(self, pixels: Pixels, now: float) -> bool:
        """Whether (H, W, 3) pixels at `now` seconds come from a stream that changed its size."""
        rows = pixels[-_ROWS:]
        if self._rows is None or not np.array_equal(rows, self._rows):
            self._rows, self._since = rows.copy(), now
            return False
        if now - self._since < _SUSPICIOUS or pixels.shape in self._suspected:
            return False
        self._suspected.add(pixels.shape)
        return True
