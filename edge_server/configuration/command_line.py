"""Settings from options on the command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from edge_server.configuration.declaration import Setting, ValueType
from edge_server.configuration.nearest import nearest
from edge_server.configuration.values import shown
from edge_server.errors import SettingError

FILE_OPTION: Final = "--config"


class Parser(argparse.ArgumentParser):
    """A parser that takes whole names only and whose errors are sentences like all others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raises SettingError."""
        if found := re.fullmatch(r"argument (--[\w-]+): expected one argument", message):
            option = found[1]
            raise SettingError(
                f"{option} needs a value: {option} VALUE, or {option}=VALUE if it begins with -."
            )
        if found := re.match(r"argument (--[\w-]+)\S*: ignored explicit argument", message):
            raise SettingError(
                f"{found[1]} takes no value: write {found[1]} or --no{found[1][1:]}."
            )
        raise SettingError(f"The command line is not understood ({message}): see --help.")


@dataclass(frozen=True)
class Given:
    """What a command line says.

    values  text by setting's name, several texts for a setting that takes several, or a bool
    file    what --config names
    extra   the values of options that are no settings
    wrong   a sentence for each option that does not exist
    """

    values: dict[str, Any]
    file: str | None
    extra: dict[str, Any]
    wrong: list[str]


def add_options(parser: argparse.ArgumentParser, settings: Sequence[Setting]) -> None:
    """Each setting as an option, and --config before them."""
    parser.add_argument(
        FILE_OPTION,
        metavar="FILE",
        help="a TOML file of settings (also EDGE_CONFIG; -FILE: if it exists); the systemd service "
        "reads /etc/edge-server/edge-server.toml",
    )
    for setting in settings:
        options: dict[str, Any] = {"dest": setting.name, "help": _help(setting), "default": None}
        if setting.type is ValueType.FLAG:
            options["action"] = argparse.BooleanOptionalAction
        else:
            choices = setting.choices
            options["metavar"] = "|".join(choices) if choices else setting.metavar
            options["action"] = "append" if setting.type is ValueType.SEVERAL else "store"
        parser.add_argument(setting.option, **options)


def given(
    parser: argparse.ArgumentParser, settings: Sequence[Setting], arguments: Sequence[str] | None
) -> Given:
    """What the arguments say. Raises SettingError where they can't be taken apart."""
    parsed, rest = parser.parse_known_args(arguments)
    names = {setting.name for setting in settings}
    found = {name: value for name, value in vars(parsed).items() if value is not None}
    file = found.pop("config", None)
    return Given(
        values={name: value for name, value in found.items() if name in names},
        file=file,
        extra={name: value for name, value in found.items() if name not in names},
        wrong=_unknown(parser, rest),
    )


def _unknown(parser: argparse.ArgumentParser, rest: Sequence[str]) -> list[str]:
    known = [option for action in parser._actions for option in action.option_strings]
    sentences = []
    for position, word in enumerate(rest):
        option = word.partition("=")[0]
        if word.startswith("-"):
            sentences.append(
                f"There is no option {shown(option)[1:-1]}: the nearest is "
                f"{nearest(option, known)}; --help shows all."
            )
        # A word behind an unknown option is its value.
        elif position == 0 or not rest[position - 1].startswith("-"):
            sentences.append(
                f"{shown(word)} belongs to no option: options begin with --, as in --model FILE."
            )
    return sentences


def _help(setting: Setting) -> str:
    text = setting.help
    if setting.default not in (None, "", (), False) and "0:" not in text:
        text += f" (default: {setting.default})"
    if setting.type is ValueType.SEVERAL:
        text += "; may be given several times"
    return text.replace("%", "%%")
