"""The command line of conversion: a command in, exit status and sentences out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from camera.command import program
from convert.commands import build, doctor, inspect, validate
from convert.console import Console
from convert.errors import BuildError
from edge_server.errors import EdgeError

EXIT_INTERRUPTED: Final = 130
_COMMANDS: Final = (build, doctor, inspect, validate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status: 0 passed, 3 gate failed, 2 wrong usage, 1 else."""
    chosen = _parser().parse_args(arguments)
    console = Console()
    try:
        with console.interruptible():
            return _run(chosen, console)
    except KeyboardInterrupt:
        return _interrupted(console)
    except EdgeError as error:
        if console.interrupted:
            return _interrupted(console)
        console.say(f"edge-convert: {error}")
        return error.exit_status


def _interrupted(console: Console) -> int:
    console.say("edge-convert: interrupted; nothing was left behind.")
    return EXIT_INTERRUPTED


def _run(chosen: argparse.Namespace, console: Console) -> int:
    """The command, with what nobody foresaw made a sentence."""
    try:
        status: int = chosen.run(chosen, console)
    except (EdgeError, KeyboardInterrupt):
        raise
    except PermissionError as error:
        raise BuildError(
            f"{error.filename} is not for this user: change its permissions or its owner."
        ) from error
    except Exception as error:
        said = console.last_words()
        raise BuildError(
            f"The command stopped at something unforeseen ({type(error).__name__}: {error}); "
            "run it again with --verbose and report what it prints."
            + (f"\nThe last that TensorFlow said:\n{said}" if said else "")
        ) from error
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("convert"),
        description="Turn a TensorFlow SavedModel into a validated .tflite for the device.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser
