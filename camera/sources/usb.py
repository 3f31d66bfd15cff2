"""A USB camera through OpenCV (V4L2 on Linux); knows nothing of reconnection."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.opencv import load_cv2, rgb_from_bgr

# MJPG comes first: uncompressed formats do not fit through USB 2 at useful sizes and rates.
FORMATS = ("MJPG", "YUYV", "UYVY", "NV12")

_log = logging.getLogger(__name__)

# One torn picture is no reason to close the camera; an unplugged one fails so often at once.
_TRIES = 5


class UsbSource:
    """A camera by its number or device path.

    size          width and height in pixels; None leaves the camera's own choice
    fps           frames a second; None leaves the camera's own choice
    pixel_format  a FOURCC of FORMATS. Always set, since OpenCV 4.11 can't use what some drivers
                  choose by themselves (BGR3).
    """

    def __init__(
        self,
        device: int | str,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        pixel_format: str = FORMATS[0],
    ) -> None:
        self._device = device
        self._size = size
        self._fps = fps
        self._format = pixel_format
        self._capture: Any = None

    def open(self) -> None:
        self.close()
        self._check_device()
        cv2 = load_cv2()
        backend = cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY
        capture = cv2.VideoCapture(self._device, backend)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"The camera {self._path()} can't be opened; close other programs that use it, "
                "or choose another one of `python -m camera list`."
            )
        self._capture = capture
        # The format first: size and rate are chosen among those of the format.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._format))
        if self._size is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._fps is not None:
            capture.set(cv2.CAP_PROP_FPS, self._fps)
        given = fourcc_text(int(capture.get(cv2.CAP_PROP_FOURCC)))
        if given != self._format:
            _log.warning("%s gives %s, not %s", self._path(), given, self._format)

    def read(self) -> Pixels:
        if self._capture is None:
            raise CameraError("The USB camera is not open; open it first.")
        for _ in range(_TRIES):
            done, pixels = self._capture.read()
            if done and pixels is not None:
                return rgb_from_bgr(pixels)
        raise CameraError(
            f"The camera {self._path()} gives no pictures any more; check its cable and power."
        )

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def describe(self) -> str:
        size = f" {self._size[0]}x{self._size[1]}" if self._size else ""
        fps = f" {self._fps:g} fps" if self._fps else ""
        return f"usb: {self._path()} {self._format}{size}{fps}"

    def _path(self) -> str:
        return f"/dev/video{self._device}" if isinstance(self._device, int) else self._device

    def _check_device(self) -> None:
        if not sys.platform.startswith("linux"):
            return
        path = self._path()
        if not Path(path).exists():
            raise CameraError(
                f"There is no camera at {path}; plug it in, "
                "or choose one of `python -m camera list`."
            )
        if not os.access(path, os.R_OK | os.W_OK):
            raise CameraError(
                f"The camera {path} may not be used; add this user to the group video."
            )


def fourcc_text(code: int) -> str:
    """A FOURCC as its four characters, for example MJPG; those that can't be printed as `?`."""
    letters = (chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return "".join(letter if letter.isprintable() else "?" for letter in letters)
