"""One picture of a camera with its number and capture time; knows nothing of where it came from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from camera.errors import CameraError

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture, which nobody can change any more.

    pixels              uint8 (H, W, 3), RGB, 0..255, C-contiguous, not writeable
    number              1, 2, ... in the order of capture, over all reconnections
    captured_at         Unix time in seconds, for people
    captured_monotonic  time.monotonic() in seconds, for ages

    Raises CameraError for pixels of another shape or dtype.
    """

    pixels: Pixels
    number: int
    captured_at: float
    captured_monotonic: float

    def __post_init__(self) -> None:
        # A view, so that the source's own array stays as writeable as it was.
        pixels = np.ascontiguousarray(check_pixels(self.pixels)).view()
        pixels.setflags(write=False)
        object.__setattr__(self, "pixels", pixels)

    def age(self, now: float | None = None) -> float:
        """Seconds since the capture; `now` is a time.monotonic() value."""
        return (time.monotonic() if now is None else now) - self.captured_monotonic

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


def check_pixels(pixels: Any) -> Pixels:
    """`pixels` itself if it is uint8 (H, W, 3) with at least one pixel, else CameraError."""
    if not isinstance(pixels, np.ndarray):
        raise CameraError(
            f"The camera delivered {type(pixels).__name__} in place of a picture; "
            "check the source that was chosen."
        )
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise CameraError(
            f"The camera delivered a {pixels.dtype} array of shape {pixels.shape} in place of a "
            "colour picture; choose another pixel format, such as format=MJPG or format=YUYV."
        )
    return pixels
