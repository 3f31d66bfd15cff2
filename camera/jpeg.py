"""RGB pixels -> JPEG bytes; knows nothing of frames and viewers."""

from __future__ import annotations

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.opencv import load_cv2


def encode_rgb(pixels: Pixels, quality: int = 80) -> bytes:
    """A baseline JPEG of uint8 (H, W, 3) RGB pixels; quality 1..100.

    It holds no EXIF and so no thumbnail: clients that look for the first end-of-image marker
    would cut the picture there. Raises CameraError where OpenCV is absent or refuses.
    """
    cv2 = load_cv2()
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        height, width = pixels.shape[:2]
        raise CameraError(
            f"A picture of {width}x{height} can't be written as JPEG; choose a smaller size."
        )
    return bytes(encoded.tobytes())
