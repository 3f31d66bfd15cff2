"""Which accelerator's library is to run a model, and what it is told.

A delegate takes what it can of a graph from the CPU: `libedgetpu.so.1` for the Edge TPU, and others
that keep to TensorFlow Lite's external delegate interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_server.errors import SettingError


@dataclass(frozen=True)
class Delegate:
    """A shared library with an external delegate, and what it is told: (key, value) pairs."""

    library: str
    options: tuple[tuple[str, str], ...] = ()


def from_settings(library: str, options: Sequence[str]) -> Delegate | None:
    """The delegate that the settings name; `options` are each key=value. Raises SettingError."""
    if not library:
        if options:
            raise SettingError("--delegate-options are for a delegate: give --delegate too.")
        return None
    return Delegate(library, tuple(pair(option) for option in options))


def pair(option: str) -> tuple[str, str]:
    """key=value in two. Raises SettingError."""
    key, equals, value = option.partition("=")
    if not key or not equals:
        raise SettingError(
            f"'{option}' is no option of a delegate: write key=value, one for each option."
        )
    return key, value
