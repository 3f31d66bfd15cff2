"""An encoded image -> upright RGB pixels. Knows nothing of models.

JPEG goes through OpenCV (it releases the interpreter lock and is the fastest), everything else
through Pillow. Both are given only what its header, read first, allows.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageOps

from edge_server.errors import ImageError, ImageTooLarge, UnsupportedImage

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

DEFAULT_MAX_PIXELS: Final = 50_000_000
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_HEIC_BRANDS: Final = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"heim")


def decode(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Pixels:
    """Decode one image.

    Returns uint8 (height, width, 3), RGB, 0..255, EXIF orientation applied, transparency laid on
    white, the first picture of an animation.
    Raises ImageError (no image, or torn), UnsupportedImage, ImageTooLarge.
    """
    if not data:
        raise ImageError("The image is empty: send the bytes of a JPEG or PNG file.")
    header = _open(data)
    width, height = header.size
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image has {width} x {height} pixels, over the limit of "
            f"{max_pixels / 1e6:g} million: send a smaller one."
        )
    if header.format in ("JPEG", "MPO") and header.mode in ("RGB", "L"):
        return _decode_jpeg(data)
    return _decode_with_pillow(header)


def _open(data: bytes) -> Image.Image:
    """Read the header only."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("The image has far too many pixels: send a smaller one.") from error
    except (OSError, ValueError, SyntaxError, struct.error, EOFError) as error:
        if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
            raise UnsupportedImage(
                "HEIC photos are not supported: send JPEG "
                "(on an iPhone: Settings, Camera, Formats, Most Compatible)."
            ) from error
        raise ImageError(
            "The data is not an image that can be read: send JPEG, PNG, WebP, BMP, GIF or TIFF."
        ) from error


def _decode_jpeg(data: bytes) -> Pixels:
    if not jpeg_is_complete(data):
        raise ImageError("The JPEG is cut off before its end: send the whole file.")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        raise ImageError("The JPEG is damaged: send it again or save it anew.")
    return np.ascontiguousarray(pixels, dtype=np.uint8)


def jpeg_is_complete(data: bytes) -> bool:
    """Whether a JPEG's end-of-image marker follows its first scan.

    Decoders fill what is missing with grey and say nothing, so that a torn upload would be
    classified. Inside a scan 0xFF is always stuffed, so the marker can only be the real one; a
    thumbnail's lies before the scan. Source: ITU-T T.81, B.1.1.
    """
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return False
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:
            return data.find(b"\xff\xd9", position) >= 0
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return False


def _decode_with_pillow(image: Image.Image) -> Pixels:
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
        return np.ascontiguousarray(_to_rgb(upright), dtype=np.uint8)
    except (OSError, ValueError, SyntaxError, struct.error, EOFError, IndexError) as error:
        raise ImageError(
            f"The {image.format} image is damaged or cut off: send it again or save it anew."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits or more a channel
        samples = np.asarray(image, dtype=np.float64)
        if image.mode == "F":
            raise UnsupportedImage("Floating-point images are not supported: send 8 or 16 bits.")
        return Image.fromarray((samples / 257.0).round().clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        on_white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(on_white, rgba).convert("RGB")
    return image.convert("RGB")
