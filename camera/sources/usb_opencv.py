"""A USB camera through OpenCV, for systems without V4L2; knows nothing of reconnection."""

from __future__ import annotations

import logging
from typing import Any

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.opencv import load_cv2, rgb_from_bgr
from camera.sources.v4l2.structures import fourcc_text

_log = logging.getLogger(__name__)

# One torn picture is no reason to close the camera; an unplugged one fails so often at once.
_TRIES = 5


class OpencvUsbSource:
    """A camera by its number or device path.

    size          width and height in pixels; None leaves the camera's own choice
    fps           frames a second; None leaves the camera's own choice
    pixel_format  a FOURCC; None leaves the camera's own choice
    """

    def __init__(
        self,
        device: int | str,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        pixel_format: str | None = None,
    ) -> None:
        self._device = device
        self._size = size
        self._fps = fps
        self._format = pixel_format
        self._capture: Any = None

    def open(self) -> None:
        self.close()
        cv2 = load_cv2()
        capture = cv2.VideoCapture(self._device, cv2.CAP_ANY)
        if not capture.isOpened():
            capture.release()
            raise CameraError(
                f"The camera {self._device} can't be opened; plug it in, close other programs that "
                "use it, or choose another number."
            )
        self._capture = capture
        # The format first: size and rate are chosen among those of the format.
        if self._format is not None:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*self._format))
        if self._size is not None:
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
        if self._fps is not None:
            capture.set(cv2.CAP_PROP_FPS, self._fps)
        given = fourcc_text(int(capture.get(cv2.CAP_PROP_FOURCC)))
        if self._format is not None and given != self._format:
            _log.warning("%s gives %s, not %s", self._device, given, self._format)

    def read(self) -> Pixels:
        if self._capture is None:
            raise CameraError("The USB camera is not open; open it first.")
        for _ in range(_TRIES):
            done, pixels = self._capture.read()
            if done and pixels is not None:
                return rgb_from_bgr(pixels)
        raise CameraError(
            f"The camera {self._device} gives no pictures any more; check its cable and power."
        )

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def describe(self) -> str:
        size = f" {self._size[0]}x{self._size[1]}" if self._size else ""
        fps = f" {self._fps:g} fps" if self._fps else ""
        chosen = f" {self._format}" if self._format else ""
        return f"usb: {self._device}{chosen}{size}{fps}"
