"""One picture of a camera with its number and capture time; knows nothing of where it came from."""

from __future__ import annotations

import io
import threading
import time
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from camera.errors import CameraError

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Jpeg:
    """A picture as the camera encoded it: a whole JPEG, its width and height in pixels."""

    data: bytes
    size: tuple[int, int]

    def decode(self) -> Pixels:
        """As uint8 (H, W, 3), RGB. Raises CameraError where it is damaged inside."""
        try:
            with Image.open(io.BytesIO(self.data), formats=("JPEG",)) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise CameraError(
                "The camera sent a damaged picture; the next one may be whole."
            ) from error


# What a source reads: pixels, or a JPEG that is decoded only when somebody needs its pixels.
Picture: TypeAlias = Pixels | Jpeg


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture, which nobody can change any more.

    picture             uint8 (H, W, 3), RGB, 0..255, or the camera's own JPEG
    number              1, 2, ... in the order of capture, over all reconnections
    captured_at         Unix time in seconds, for people
    captured_monotonic  time.monotonic() in seconds, for ages

    Raises CameraError for pixels of another shape or dtype.
    """

    picture: Picture
    number: int
    captured_at: float
    captured_monotonic: float
    _decoding: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.picture, Jpeg):
            object.__setattr__(self, "picture", _frozen(self.picture))

    @property
    def pixels(self) -> Pixels:
        """uint8 (H, W, 3), RGB, 0..255, C-contiguous, not writeable; decoded once.

        Raises CameraError where the camera's JPEG is damaged inside.
        """
        if not isinstance(self.picture, Jpeg):
            return self.picture
        with self._decoding:
            decoded: Pixels | None = self.__dict__.get("_decoded")
            if decoded is None:
                decoded = _frozen(self.picture.decode())
                object.__setattr__(self, "_decoded", decoded)
            return decoded

    @property
    def jpeg(self) -> bytes | None:
        """The camera's own JPEG, None where it sent pixels."""
        return self.picture.data if isinstance(self.picture, Jpeg) else None

    def age(self, now: float | None = None) -> float:
        """Seconds since the capture; `now` is a time.monotonic() value."""
        return (time.monotonic() if now is None else now) - self.captured_monotonic

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if isinstance(self.picture, Jpeg):
            return self.picture.size
        return self.picture.shape[1], self.picture.shape[0]


def _frozen(pixels: Any) -> Pixels:
    # A view, so that the source's own array stays as writeable as it was.
    view = np.ascontiguousarray(check_pixels(pixels)).view()
    view.setflags(write=False)
    return view


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
