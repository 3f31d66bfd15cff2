"""The owner's logo: a small SVG or PNG, read and checked once, at start."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from edge_server.errors import SettingError

MAX_BYTES: Final = 512 * 1024
_MAX_SIDE: Final = 4096
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_SVG_ROOT: Final = "{http://www.w3.org/2000/svg}svg"


@dataclass(frozen=True)
class Logo:
    """The bytes of a picture file, and their media type."""

    data: bytes
    media_type: str


def read(path: Path) -> Logo:
    """Read a logo. Raises SettingError where the file is none that the pages can show."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingError(f"The logo {path} can't be read ({error.strerror}).") from error
    if len(data) > MAX_BYTES:
        raise SettingError(f"The logo {path} is larger than {MAX_BYTES // 1024} KiB: shrink it.")
    if data.startswith(_PNG):
        _check_png(data, path)
        return Logo(data, "image/png")
    _check_svg(data, path)
    return Logo(data, "image/svg+xml")


def check(path: Path) -> None:
    """Raises SettingError where read() does."""
    read(path)


def _check_png(data: bytes, path: Path) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if max(image.size) > _MAX_SIDE:
                raise SettingError(
                    f"The logo {path} is {image.width}x{image.height}: "
                    f"shrink it to {_MAX_SIDE} pixels a side at most."
                )
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SettingError(f"The logo {path} is a damaged PNG file: save it anew.") from error


def _check_svg(data: bytes, path: Path) -> None:
    # Entities can make a small file endless; no drawing program writes them into a plain SVG.
    if b"<!ENTITY" in data:
        raise SettingError(f"The logo {path} declares entities: save it as a plain SVG.")
    from xml.etree import ElementTree as ET  # noqa: PLC0415, few owners have a logo

    try:
        root = ET.fromstring(data)
    except ET.ParseError as error:
        raise SettingError(f"The logo {path} is no SVG or PNG file: save it as one.") from error
    if root.tag != _SVG_ROOT:
        raise SettingError(f"The logo {path} is no SVG or PNG file: save it as one.")
