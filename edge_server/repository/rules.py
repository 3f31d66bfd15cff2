"""What the settings say of models: which versions to serve and to keep, and which model answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_server.errors import SettingError

_PIN: Final = re.compile(r"([^:=/]+)=([0-9]{1,18})")
_LABEL: Final = re.compile(r"([^:=/]+):([\w.\-]+)=([0-9]{1,18})")


@dataclass(frozen=True)
class Rules:
    """`pins` maps a model to a version, `labels` a model's version labels to versions; `default`
    answers where no model is named; `poll_seconds` is None for models that are loaded once."""

    pins: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    default: str | None = None
    poll_seconds: float | None = None


def parse_pins(texts: Sequence[str]) -> dict[str, int]:
    """NAME=VERSION, each. Raises SettingError."""
    found: dict[str, int] = {}
    for text in texts:
        match = _PIN.fullmatch(text)
        if match is None or match[1] in found:
            raise SettingError(f"'{text}' is no pin: use NAME=VERSION, once for each model.")
        found[match[1]] = int(match[2])
    return found


def parse_labels(texts: Sequence[str]) -> dict[str, dict[str, int]]:
    """NAME:LABEL=VERSION, each. Raises SettingError."""
    found: dict[str, dict[str, int]] = {}
    for text in texts:
        match = _LABEL.fullmatch(text)
        if match is None or match[2] in found.get(match[1], {}):
            raise SettingError(
                f"'{text}' is no version label: use NAME:LABEL=VERSION, once for each label."
            )
        found.setdefault(match[1], {})[match[2]] = int(match[3])
    return found
