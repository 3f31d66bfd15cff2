"""What a file is that is no picture to be decoded here, by its first bytes, and what to do then.

Knows no decoder: it only puts into words why a file was refused.
"""

from __future__ import annotations

import re
from typing import Final

DECODED: Final = "JPEG, PNG, WebP, BMP, GIF or TIFF"

# The formats that are decoded, by how each begins: such a file is a picture, if a damaged one.
_PICTURES: Final = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0|GIF8[79]a"
    rb"|II[*+]\0|MM\0[*+]|P[1-6]\s",
    re.DOTALL,
)
_HEIC: Final = (
    "HEIC photos are not supported: send JPEG "
    "(on an iPhone: Settings, Camera, Formats, Most Compatible)."
)
_AS_PICTURE: Final = "save it as JPEG or PNG and send that."
# The first that fits counts. AVIF before HEIC: both may begin with the brand of their container.
_OTHERS: Final = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), sentence)
    for pattern, sentence in (
        (rb".{4}ftyp(avi[fs]|.{8}(.{4}){0,20}?avif)", f"AVIF is not supported: {_AS_PICTURE}"),
        (rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", _HEIC),
        (rb".{4}ftyp|.{4}moov|\x1aE\xdf\xa3|RIFF.{4}AVI ", "This is a video: send one picture."),
        (
            rb"\xff\x0a|\0\0\0\x0cJXL |\0\0\0\x0cjP  |\xff\x4f\xff\x51",
            f"JPEG XL and JPEG 2000 are not supported: {_AS_PICTURE}",
        ),
        (rb"\s*(<\?xml.{0,2000}?)?<svg[\s>]", f"SVG is not supported: {_AS_PICTURE}"),
        (
            rb"\s*(<!--.{0,2000}?-->\s*)?(<!doctype html|<html|<head|<body)",
            "This is a web page and not an image, whatever its file is called: open the address "
            "that it came from, and send the image itself.",
        ),
        (rb"%PDF-", f"PDF is not supported: {_AS_PICTURE}"),
        (rb"\0\0[\x01\x02]\0[^\0]", f"Icons (ICO) are not supported: {_AS_PICTURE}"),
        (rb"8BPS", f"Photoshop files are not supported: {_AS_PICTURE}"),
        (
            rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!",
            "This is an archive: unpack it and send one image.",
        ),
    )
)
_UNKNOWN: Final = f"The data is not an image that can be read: send {DECODED}."
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def is_picture(data: bytes) -> bool:
    """Whether the file begins like one of a format that is decoded."""
    return _PICTURES.match(data) is not None


def refusal(data: bytes) -> str:
    """Why a file that is no picture to be decoded is refused, in a sentence."""
    head = data[:4096].removeprefix(_BYTE_ORDER_MARK)
    return next((sentence for pattern, sentence in _OTHERS if pattern.match(head)), _UNKNOWN)
