"""The only place where OpenCV is imported, on first need; knows no devices."""

from __future__ import annotations

import os
from typing import Any

from camera.errors import CameraError
from camera.frame import Pixels, check_pixels


def load_cv2() -> Any:
    """The module cv2. Raises CameraError where it is not installed."""
    # Errors are told in our own sentences, so OpenCV's and FFmpeg's lines on stderr are noise.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2  # noqa: PLC0415, it is large, and a device may serve without it
    except ImportError as error:
        raise CameraError(
            "This needs OpenCV, which can't be loaded; "
            "install opencv-python-headless into this environment."
        ) from error
    return cv2


def rgb_from_bgr(pixels: Any) -> Pixels:
    """What cv2.VideoCapture read, as a new uint8 (H, W, 3) RGB array.

    Raises CameraError for anything but a colour picture: OpenCV 4.11 hands out frames of shape
    (1, N) where a driver offers only BGR3.
    """
    cv2 = load_cv2()
    rgb: Pixels = cv2.cvtColor(check_pixels(pixels), cv2.COLOR_BGR2RGB)
    return rgb
