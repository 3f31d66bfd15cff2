"""What a setting is: a field of a dataclass, with help and the reason for its default."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Final


class ValueType(Enum):
    """What a setting may hold."""

    WHOLE_NUMBER = "whole number"
    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    PATH = "path"
    SEVERAL = "several texts"


# Annotation -> what it means.
_TYPES: Final[dict[Any, ValueType]] = {
    int: ValueType.WHOLE_NUMBER,
    float: ValueType.NUMBER,
    bool: ValueType.FLAG,
    str: ValueType.TEXT,
    Path: ValueType.PATH,
    tuple[str, ...]: ValueType.SEVERAL,
}
_NUMBERS: Final = (ValueType.WHOLE_NUMBER, ValueType.NUMBER)


@dataclass(frozen=True)
class Setting:
    """One setting, as the sources see it."""

    name: str
    type: ValueType
    default: Any
    help: str
    reason: str
    metavar: str | None = None
    choices: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    check: Callable[[Any], None] | None = None

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.key

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return "EDGE_" + self.name.upper()

    @property
    def key(self) -> str:
        """Its name in a file."""
        return self.name.replace("_", "-")


def setting(
    default: Any,
    help_text: str,
    metavar: str | None = None,
    *,
    reason: str,
    choices: tuple[str, ...] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    check: Callable[[Any], None] | None = None,
) -> Any:
    """A field that is a setting: int, float, bool, str, Path or tuple[str, ...], or one `| None`.

    reason   why this default, in one sentence without a full stop
    minimum  and `maximum`, both included: for numbers, which need them
    check    called with a value; raises an exception whose text is a sentence if it can't be used
    """
    metadata = {
        "help": help_text,
        "reason": reason,
        "metavar": metavar,
        "choices": choices,
        "minimum": minimum,
        "maximum": maximum,
        "check": check,
    }
    return dataclasses.field(default=default, metadata=metadata)


def declared(kind: type[Any]) -> tuple[Setting, ...]:
    """The settings of a dataclass, in its order.

    Raises KeyError for a type that is none of those of setting(), TypeError for wrong bounds.
    """
    hints = typing.get_type_hints(kind)
    return tuple(
        _checked(
            Setting(field.name, _value_type(hints[field.name]), field.default, **field.metadata)
        )
        for field in dataclasses.fields(kind)
    )


def _value_type(hint: Any) -> ValueType:
    """The value type of an annotation, which may add None."""
    arguments = typing.get_args(hint)
    if NoneType in arguments:
        (hint,) = (argument for argument in arguments if argument is not NoneType)
    return _TYPES[hint]


def _checked(made: Setting) -> Setting:
    if (made.type in _NUMBERS) != (made.minimum is not None and made.maximum is not None):
        raise TypeError(f"{made.name}: numbers, and they alone, have a minimum and a maximum.")
    return made
