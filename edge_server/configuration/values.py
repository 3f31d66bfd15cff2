"""One value of one setting: from text or from TOML, as its type, within its bounds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge_server.configuration.declaration import Setting, ValueType
from edge_server.errors import EdgeError, SettingError

_TRUE: Final = ("1", "true", "on", "yes")
_FALSE: Final = ("0", "false", "off", "no")
_SHOWN_CHARACTERS: Final = 80
_CREDENTIALS: Final = re.compile(r"://[^/@\s]+@")
_TOML_NAMES: Final[dict[type, str]] = {str: "a text", list: "an array", dict: "a table"}


def from_text(setting: Setting, text: str, where: str) -> Any:
    """The value that a text stands for. `where` is what the user wrote, for the sentence.

    Raises SettingError.
    """
    value = _parsed(setting, text)
    if value is None or not _fits(setting, value):
        raise SettingError(f"{where} is {shown(text)}: {expected(setting)}.")
    return _usable(setting, value, where)


def from_words(setting: Setting, words: Sequence[str], where: str) -> tuple[str, ...]:
    """The value of a setting that takes several texts; empty ones don't count.

    Raises SettingError.
    """
    value = tuple(word for word in words if word)
    for word in value:
        if not _fits(setting, word):
            raise SettingError(f"{where} is {shown(word)}: {expected(setting)}.")
    _usable(setting, value, where)
    return value


def from_toml(setting: Setting, value: Any, where: str) -> Any:
    """The value that stands in a TOML file, whose type has to be the setting's.

    Raises SettingError.
    """
    if setting.type is ValueType.SEVERAL:
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return from_words(setting, value, where)
    elif setting.type in (ValueType.TEXT, ValueType.PATH):
        if isinstance(value, str):
            return from_text(setting, value, where)
    elif _is_of(value, setting.type) and _fits(setting, value):
        return _usable(setting, value, where)
    told = shown(value)
    if not isinstance(value, int | float):
        told = f"{_TOML_NAMES.get(type(value), 'a date or time')} ({told})"
    raise SettingError(f"{where} is {told}: {expected(setting)}{_quotes(setting, value)}.")


def _quotes(setting: Setting, value: Any) -> str:
    """What TOML's quotes have to do with it, if anything."""
    is_text = setting.type in (ValueType.TEXT, ValueType.PATH)
    if is_text and not setting.choices:
        return ", in quotes"
    numeric = setting.type in (ValueType.WHOLE_NUMBER, ValueType.NUMBER, ValueType.FLAG)
    return ", without quotes" if numeric and isinstance(value, str) else ""


def expected(setting: Setting) -> str:
    """What to do about a value that does not fit."""
    if setting.choices:
        return f"use one of {', '.join(setting.choices)}"
    if setting.type is ValueType.FLAG:
        return "use true or false"
    if setting.type is ValueType.SEVERAL:
        return f'use an array of texts, as in {setting.key} = ["a", "b"]'
    if setting.type in (ValueType.TEXT, ValueType.PATH):
        return "give a path" if setting.type is ValueType.PATH else "give a text"
    kind = "a whole number" if setting.type is ValueType.WHOLE_NUMBER else "a number"
    return f"use {kind} from {setting.minimum} to {setting.maximum}"


def shown(value: Any) -> str:
    """A value for a sentence or a table: one line, of bounded length, without credentials."""
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return _line(str(value))
    return f"'{_line(value)}'"


def redacted(text: str) -> str:
    """The text without the user and password of addresses in it."""
    return _CREDENTIALS.sub("://***@", text)


def one_line(text: str) -> str:
    """The text with escapes for whatever is no letter, digit, sign or space."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _line(text: str) -> str:
    text = one_line(redacted(text))
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."


def _parsed(setting: Setting, text: str) -> Any:
    """The text as the type, None where it is none of it."""
    try:
        if setting.type is ValueType.WHOLE_NUMBER:
            return int(text)
        if setting.type is ValueType.NUMBER:
            return float(text)
    except ValueError:
        return None
    if setting.type is ValueType.FLAG:
        word = text.strip().lower()
        return word in _TRUE if word in _TRUE + _FALSE else None
    # An empty address would mean every one, an empty path this folder.
    if not text and setting.default != "":
        return None
    return Path(text) if setting.type is ValueType.PATH else text


def _is_of(value: Any, kind: ValueType) -> bool:
    if kind is ValueType.FLAG or isinstance(value, bool):
        return kind is ValueType.FLAG and isinstance(value, bool)
    return isinstance(value, int | float if kind is ValueType.NUMBER else int)


def _fits(setting: Setting, value: Any) -> bool:
    """Whether choices and bounds have room for it."""
    if setting.choices is not None:
        return value in setting.choices
    if setting.minimum is None or setting.maximum is None:
        return True
    fits: bool = setting.minimum <= value <= setting.maximum
    return fits


def _usable(setting: Setting, value: Any, where: str) -> Any:
    if setting.check is not None:
        try:
            setting.check(value)
        except (EdgeError, ValueError) as error:
            raise SettingError(f"{where} can't be used: {error}") from error
    return float(value) if setting.type is ValueType.NUMBER else value
