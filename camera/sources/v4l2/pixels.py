"""A camera's uncompressed picture -> RGB pixels; knows no device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.opencv import load_cv2


@dataclass(frozen=True)
class Layout:
    """How the driver writes a picture: FOURCC, width and height, bytes from one row to the next."""

    code: str
    size: tuple[int, int]
    stride: int

    @property
    def length(self) -> int:
        """Bytes of a whole picture; what fills up its last row need not be there."""
        rows, columns, each = self._shape()
        return (rows - 1) * self.stride + columns * each

    def rgb(self, data: Any) -> Pixels:
        """A new uint8 (H, W, 3) RGB array of a buffer of at least `length` bytes.

        YUV is read as BT.601 with limited range, which cameras send (OpenCV knows no other).
        Raises CameraError for a buffer that is too short.
        """
        if len(data) < self.length:
            raise CameraError(
                f"The camera sent {len(data)} bytes of a picture of {self.length}; "
                "the next one may be whole."
            )
        cv2 = load_cv2()
        rows, columns, each = self._shape()
        image = np.ndarray((rows, columns, each), np.uint8, data, strides=(self.stride, each, 1))
        if self.code == "RGB3":
            return image.copy()
        rgb: Pixels = cv2.cvtColor(image, getattr(cv2, _CONVERSIONS[self.code]))
        return rgb

    def _shape(self) -> tuple[int, int, int]:
        """Rows of all planes, columns, bytes a column of the first plane."""
        width, height = self.size
        return height * 3 // 2 if self.code == "NV12" else height, width, _BYTES[self.code]


_BYTES = {"YUYV": 2, "UYVY": 2, "NV12": 1, "RGB3": 3, "BGR3": 3, "GREY": 1}
_CONVERSIONS = {
    "YUYV": "COLOR_YUV2RGB_YUY2",
    "UYVY": "COLOR_YUV2RGB_UYVY",
    "NV12": "COLOR_YUV2RGB_NV12",
    "BGR3": "COLOR_BGR2RGB",
    "GREY": "COLOR_GRAY2RGB",
}
