"""The command line of the server: settings in, exit status and one sentence out.

`edge-server [options]` serves; a first word that is no option names another command.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from typing import Final

from edge_server import logs, settings
from edge_server.configuration.nearest import nearest
from edge_server.configuration.values import shown
from edge_server.errors import EdgeError, SettingError

_log = logging.getLogger(__name__)

# Word on the command line -> module with run(arguments) -> exit status. Imported when asked for.
_COMMANDS: Final = {
    "config": "edge_server.commands.config",
    "kiosk": "edge_server.commands.kiosk",
    "selftest": "edge_server.commands.selftest",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server, or the command that is named; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if arguments and not arguments[0].startswith("-"):
            return _command(arguments[0], arguments[1:])
        return _serve(arguments)
    except EdgeError as error:
        for sentence in str(error).splitlines():
            print(f"edge-server: {sentence}", file=sys.stderr)
        return error.exit_status


def _command(word: str, arguments: Sequence[str]) -> int:
    if word not in _COMMANDS:
        raise SettingError(
            f"There is no command {shown(word)}: the nearest is {nearest(word, _COMMANDS)}; "
            "options alone serve, as in --model FILE."
        )
    status: int = importlib.import_module(_COMMANDS[word]).run(arguments)
    return status


def _serve(arguments: Sequence[str]) -> int:
    chosen = settings.read(arguments)
    logs.configure(chosen.log_level, chosen.log_format)
    # Imported late, so that --help and a wrong option are answered at once.
    from edge_server import server

    try:
        server.run(chosen)
    except EdgeError as error:
        if chosen.log_format != "json":
            raise
        _log.critical("%s", error)  # for a program that reads the log, like all the rest
        return error.exit_status
    return 0
