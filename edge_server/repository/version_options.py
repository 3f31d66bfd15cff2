"""`labels.txt` and `model.toml` beside a model: for files of others, which do not say it all.

preprocessing = "tf"
color_order = "bgr"

or, where no preset has the numbers, for example

mean = [125.3, 123.0, 113.9]
std = 63.0
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, Final

from edge_server.errors import SettingError
from edge_server.inference import normalization
from edge_server.inference.loading import LoadOptions
from edge_server.inference.normalization import PRESETS
from edge_server.inference.preprocessing import ColorOrder
from edge_server.repository.directory import VersionFiles

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ALLOWED: Final = {
    "preprocessing": tuple(PRESETS),
    "color_order": (ColorOrder.RGB.value, ColorOrder.BGR.value),
}

_NUMBERS: Final = ("mean", "std")


def for_version(files: VersionFiles, options: LoadOptions) -> LoadOptions:
    """The options to load a version with: its own over the server's. Raises SettingError."""
    if files.labels is not None and files.labels.exists():
        options = dataclasses.replace(options, labels=files.labels)
    if files.options is not None and files.options.exists():
        given = _read(files.options)
        options = dataclasses.replace(
            options,
            preset=given.get("preprocessing"),
            mean=given.get("mean"),
            std=given.get("std"),
            color_order=given.get("color_order"),
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
        if key in _NUMBERS:
            document[key] = _as_text(path, key, value)
            continue
        if key not in _ALLOWED:
            known = ", ".join((*_ALLOWED, *_NUMBERS))
            raise SettingError(f"{path} has an unknown '{key}': use {known}.")
        if value not in _ALLOWED[key]:
            allowed = ", ".join(_ALLOWED[key])
            raise SettingError(f"{path}: {key} is {value!r}: use one of {allowed}.")
    return document


def _as_text(path: Path, key: str, value: Any) -> str:
    """One number, or an array of them, as the options of the server have them."""
    several = value if isinstance(value, list) else [value]
    try:
        text = value if isinstance(value, str) else ",".join(map(repr, several))
        normalization.numbers(text)
    except (TypeError, ValueError, SettingError) as error:
        raise SettingError(
            f"{path}: {key} is {value!r}: write one number, {key} = 127.5, or three, "
            f"{key} = [123.7, 116.3, 103.5]."
        ) from error
    return text
