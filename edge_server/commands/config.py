"""`edge-server config [options]`: what the server would run with, where it comes from, and why."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge_server import settings
from edge_server.configuration.declaration import Setting, declared
from edge_server.configuration.sources import Reading, Source
from edge_server.configuration.values import one_line, redacted
from edge_server.settings import Settings

_HEADINGS: Final = ("setting", "value", "source", "why the default")
_NARROWEST_REASON: Final = 30


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit status.

    Raises SettingError as the server does, with a sentence for each thing that is wrong.
    """
    parser = settings.parser()
    parser.prog += " config"
    parser.description = (
        "Show every setting with its value, the place that it comes from, and why its default is "
        "as it is. Takes the options of the server, and serves nothing. Exit status: 0 all can be "
        "used, 2 not."
    )
    parser.epilog = None
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    reading = settings.read_with_sources(parser, arguments)
    if reading.extra["json"]:
        print(json.dumps(_document(reading), indent=1, ensure_ascii=False))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print(_text(reading, width))
    return 0


def _document(reading: Reading[Settings]) -> dict[str, Any]:
    return {
        "file": str(reading.file) if reading.file else None,
        "settings": [
            {
                "name": setting.key,
                "value": _plain(getattr(reading.settings, setting.name)),
                "source": reading.sources[setting.name].value,
                "default": _plain(setting.default),
                "reason": setting.reason,
                "help": setting.help,
            }
            for setting in declared(Settings)
        ],
    }


def _plain(value: Any) -> Any:
    """As JSON has it, without credentials."""
    if isinstance(value, tuple):
        return [_plain(word) for word in value]
    return redacted(str(value)) if isinstance(value, str | Path) else value


def _text(reading: Reading[Settings], width: int | None) -> str:
    """A table; where there is a width, in characters, reasons are broken to fit it."""
    rows = [_HEADINGS, *(_row(setting, reading) for setting in declared(Settings))]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    indent = sum(widths) + 6
    lines = [f"file: {reading.file or 'none (--config FILE or EDGE_CONFIG names one)'}", ""]
    for *cells, reason in rows:
        start = "".join(f"{cell:{width_}}  " for cell, width_ in zip(cells, widths, strict=True))
        if width is None:
            lines.append(start + reason)
            continue
        pieces = textwrap.wrap(reason, max(_NARROWEST_REASON, width - indent)) or [""]
        lines += [start + pieces[0], *(" " * indent + piece for piece in pieces[1:])]
    return "\n".join(lines)


def _row(setting: Setting, reading: Reading[Settings]) -> tuple[str, str, str, str]:
    source = reading.sources[setting.name]
    reason = setting.reason
    if source is not Source.DEFAULT:
        reason = f"{_cell(setting.default)}: {reason}"
    value = _cell(getattr(reading.settings, setting.name))
    return setting.key, value, source.value, reason


def _cell(value: Any) -> str:
    """A value in one line; - for none."""
    plain = _plain(value)
    if plain in (None, "", []):
        return "-"
    if isinstance(plain, list):
        return ", ".join(map(_cell, plain))
    return json.dumps(plain) if isinstance(plain, bool) else one_line(str(plain))
