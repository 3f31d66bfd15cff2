"""`labels.txt` and `model.toml` beside a model: for files of others, which do not say it all.

preprocessing = "tf"
color_order = "bgr"
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, Final

from edge_server.errors import SettingError
from edge_server.inference.loading import LoadOptions
from edge_server.inference.preprocessing import PRESETS, ColorOrder
from edge_server.repository.directory import VersionFiles

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ALLOWED: Final = {
    "preprocessing": tuple(PRESETS),
    "color_order": (ColorOrder.RGB.value, ColorOrder.BGR.value),
}


def for_version(files: VersionFiles, options: LoadOptions) -> LoadOptions:
    """The options to load a version with: its own over the server's. Raises SettingError."""
    if files.labels is not None and files.labels.exists():
        options = dataclasses.replace(options, labels=files.labels)
    if files.options is not None and files.options.exists():
        given = _read(files.options)
        options = dataclasses.replace(
            options, preset=given.get("preprocessing"), color_order=given.get("color_order")
        )
    return options


def _read(path: Path) -> dict[str, str]:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path} can't be read ({error.strerror}).") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise SettingError(f'{path} is no TOML ({error}): write preprocessing = "tf".') from error
    for key, value in document.items():
        if key not in _ALLOWED:
            raise SettingError(f"{path} has an unknown '{key}': use {' and '.join(_ALLOWED)}.")
        if value not in _ALLOWED[key]:
            allowed = ", ".join(_ALLOWED[key])
            raise SettingError(f"{path}: {key} is {value!r}: use one of {allowed}.")
    return document
