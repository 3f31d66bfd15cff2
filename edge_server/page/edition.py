"""Which edition of the pages this server serves: a page that shows another loads itself anew."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from edge_server import __version__
from edge_server.settings import Settings

_PACKAGE: Final = Path(__file__).parent.parent
_FOLDERS: Final = ("static", "templates")
_DIGITS: Final = 12


def edition(settings: Settings) -> str:
    """A name that changes with the version, the pages' files, and the settings that they show."""
    shown = (settings.title, settings.colors, settings.min_confidence, settings.camera_spec)
    digest = hashlib.sha256(repr((__version__, shown)).encode())
    files = [path for name in _FOLDERS for path in sorted((_PACKAGE / name).rglob("*"))]
    for path in [*files, settings.logo]:
        if path is not None and path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:_DIGITS]
