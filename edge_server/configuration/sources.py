"""Command line over environment over file over default: the settings, and where each comes from."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from edge_server.configuration import command_line, environment, file, values
from edge_server.configuration.declaration import Setting, ValueType, declared
from edge_server.errors import SettingError

T = TypeVar("T")


class Source(str, Enum):
    """A place that settings come from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Reading(Generic[T]):
    """Settings, and by each one's name the place that it comes from.

    file   the TOML file that was read
    extra  the values of options of the command line that are no settings
    """

    settings: T
    sources: dict[str, Source]
    file: Path | None
    extra: dict[str, Any]


def read(
    kind: type[T],
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Reading[T]:
    """The settings of a dataclass from the three places.

    arguments  None for those of this process; `variables` likewise

    Raises SettingError with a sentence for each name and each value that is wrong. A value that
    another place overrules is not looked at.
    """
    settings = declared(kind)
    variables = os.environ if variables is None else variables
    said = command_line.given(parser, settings, arguments)
    texts, wrong_variables = environment.given(settings, variables)
    named = variables.get(environment.FILE_VARIABLE, "") if said.file is None else said.file
    path = file.find(named)
    document, wrong_keys = _document(settings, path)

    wrong = [*said.wrong, *wrong_variables, *wrong_keys]
    chosen: dict[str, Any] = {}
    sources: dict[str, Source] = {}
    for setting in settings:
        name = setting.name
        sources[name] = Source.DEFAULT
        try:
            if name in said.values:
                sources[name] = Source.COMMAND_LINE
                chosen[name] = _from_option(setting, said.values[name])
            elif name in texts:
                sources[name] = Source.ENVIRONMENT
                chosen[name] = _from_variable(setting, texts[name])
            elif name in document:
                sources[name] = Source.FILE
                where = f"{path}: {setting.key}"
                chosen[name] = values.from_toml(setting, document[name], where)
        except SettingError as error:
            wrong += error.args
    if wrong:
        raise SettingError(*wrong)
    make: Callable[..., T] = kind
    return Reading(make(**chosen), sources, path, said.extra)


def _document(
    settings: Sequence[Setting], path: Path | None
) -> tuple[dict[str, Any], Sequence[str]]:
    """What stands in the file; a file that can't be read is one wrong thing among others."""
    if path is None:
        return {}, ()
    try:
        return file.given(settings, file.load(path), path)
    except SettingError as error:
        return {}, error.args


def _from_option(setting: Setting, given: Any) -> Any:
    if isinstance(given, bool):
        return given
    if setting.type is ValueType.SEVERAL:
        return values.from_words(setting, given, setting.option)
    return values.from_text(setting, given, setting.option)


def _from_variable(setting: Setting, text: str) -> Any:
    if setting.type is ValueType.SEVERAL:
        return values.from_words(setting, environment.words(text), setting.variable)
    return values.from_text(setting, text, setting.variable)
