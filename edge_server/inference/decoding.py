"""An encoded image -> upright RGB pixels. Knows nothing of models.

JPEG has ways of its own (jpeg.py), everything else goes through Pillow. Both are given only what
its header, read first, allows. Colour profiles are not applied: TensorFlow's decoders, which
training used, ignore them too.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from edge_server.errors import ImageError, ImageTooLarge, UnsupportedImage
from edge_server.inference import file_kind, jpeg

Pixels: TypeAlias = jpeg.Pixels
# The largest reduction, 1, 2, 4 or 8, that a use allows for a picture of this (width, height).
Allowance: TypeAlias = Callable[[int, int], int]

DEFAULT_MAX_PIXELS: Final = 50_000_000
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# Tags of TIFF 6.0.
_BITS, _PHOTOMETRIC, _TILE_WIDTH, _TILE_HEIGHT = 258, 262, 322, 323
_WHITE_IS_ZERO: Final = 0
# Of EXIF 2.3; the values are those at which width and height change places.
_ORIENTATION: Final = 0x0112
_ON_ITS_SIDE: Final = (5, 6, 7, 8)
# Pictures have a limit of their own here. For good, since filters are not for one thread alone.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)
_DAMAGE: Final = (OSError, ValueError, SyntaxError, struct.error, EOFError, IndexError)


@dataclass(frozen=True)
class Picture:
    """uint8 (height, width, 3), RGB, 0..255, upright, or Pillow's picture of it, of mode RGB. Each
    pixel stands for `reduced` of the file's on each axis, exactly."""

    pixels: Pixels | Image.Image
    reduced: int = 1


def decode(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Pixels:
    """Decode one image.

    Returns uint8 (height, width, 3), RGB, 0..255, EXIF orientation applied, transparency laid on
    white, the first picture of an animation or of several pages.
    Raises ImageError (damaged or cut off), UnsupportedImage (not an image, or of a kind that is
    not decoded), ImageTooLarge.
    """
    pixels = decode_reduced(data, _whole, max_pixels=max_pixels).pixels
    return np.asarray(pixels)


def decode_reduced(
    data: bytes,
    allowed: Allowance,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    for_pillow: bool = False,
) -> Picture:
    """The same, but a JPEG as small as `allowed` lets it be, which takes a fraction of the time.

    `allowed` is asked with the size of the upright picture. It is not reduced by what does not
    divide both sides: a small picture shows exactly what the whole one does. With `for_pillow` a
    JPEG stays Pillow's picture.
    """
    if not data:
        raise ImageError("The image is empty: send the bytes of a JPEG or PNG file.")
    header = _open(data)
    width, height = header.size
    _check_size(header, max_pixels)
    if header.format in ("JPEG", "MPO") and header.mode in ("RGB", "L"):
        orientation = _orientation(header)
        most = allowed(height, width) if orientation in _ON_ITS_SIDE else allowed(width, height)
        fitting = (r for r in jpeg.REDUCTIONS if r <= most and width % r == height % r == 0)
        reduced = next(fitting, 1)
        if for_pillow:
            return Picture(jpeg.load(header, data, orientation, reduced), reduced)
        return Picture(jpeg.decode(data, orientation, reduced), reduced)
    return Picture(_decode_with_pillow(header))


def _whole(_width: int, _height: int) -> int:
    return 1


def _open(data: bytes) -> Image.Image:
    """Read the header only."""
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLarge("The image has far too many pixels: send a smaller one.") from error
    except _DAMAGE as error:
        if "MAX_TEXT_" in str(error):
            raise ImageTooLarge(
                "The PNG carries text that unpacks to more than a picture needs: "
                "save it anew without its metadata."
            ) from error
        if file_kind.is_picture(data):
            raise ImageError(
                "The image is damaged, cut off, or of a kind that no camera writes (floating-point "
                "numbers, a JPEG of 12 bits): send it again, or save it as JPEG or PNG."
            ) from error
        raise UnsupportedImage(file_kind.refusal(data)) from error


def _orientation(header: Image.Image) -> int:
    try:
        found = header.getexif().get(_ORIENTATION)
    except _DAMAGE:
        return 1
    return found if isinstance(found, int) else 1


def _check_size(header: Image.Image, max_pixels: int) -> None:
    width, height = header.size
    if header.format == "TIFF":
        # A tile is unpacked whole, however small the picture that is cut from it.
        tags: Any = header
        width = max(width, _number(tags.tag_v2.get(_TILE_WIDTH)))
        height = max(height, _number(tags.tag_v2.get(_TILE_HEIGHT)))
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image has {width} x {height} pixels, over the limit of "
            f"{max_pixels / 1e6:g} million: send a smaller one."
        )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _decode_with_pillow(image: Image.Image) -> Pixels:
    try:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
        return np.ascontiguousarray(_to_rgb(image), dtype=np.uint8)
    except _DAMAGE as error:
        raise ImageError(
            f"The {image.format} image is damaged or cut off: send it again or save it anew."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # more than 8 bits a channel
        return Image.fromarray(_eight_bits(image)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        on_white = Image.new("RGB", rgba.size, "white")
        on_white.paste(rgba, mask=rgba)
        return on_white
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Pixels:
    """Grey of 9 to 16 bits a pixel as uint8 (height, width), what is transparent as white."""
    tags: Any = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS, (16,)))
    if image.mode == "F" or bits > 16:
        raise UnsupportedImage(
            "Pictures with floating-point numbers or more than 16 bits are not supported: "
            "send 8 or 16 bits."
        )
    samples = np.asarray(image).clip(0, 0xFFFF).astype(np.uint16)
    level = np.arange(0x10000) * 255.0 / (2**bits - 1)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        level = 255.0 - level
    table = level.round().clip(0, 255).astype(np.uint8)
    if isinstance(image.info.get("transparency"), int):
        table[image.info["transparency"]] = 255
    grey: Pixels = table[samples]
    return grey
