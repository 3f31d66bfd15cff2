"""How this project's commands are written on this machine; needs the standard library alone."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from pathlib import Path


def python() -> str:
    """A command that starts the interpreter of this process.

    `python` in an activated environment, else the interpreter's path: outside of environments a
    Debian machine has no `python`.
    """
    found, here = shutil.which("python"), Path(sys.executable)
    if found and Path(found).parent.resolve() == here.parent.resolve():
        return "python"
    return argument(here)


def argument(path: Path) -> str:
    """A path as it may stand in a command, from the current directory where it lies below it."""
    with contextlib.suppress(OSError, ValueError):  # no such directory any more, or not below it
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


def spelled(text: str) -> str:
    """A sentence whose commands begin with `python -m`, as they have to be typed here."""
    return text.replace("python -m ", f"{python()} -m ")


def program(module: str) -> str:
    """What was typed to start this process, for usage lines: a script's name, or `python -m`."""
    name = Path(sys.argv[0]).name
    return name if name.startswith("edge-") else spelled(f"python -m {module}")


def not_installed(error: ModuleNotFoundError, environment: str) -> str:
    """The sentence for a package that the interpreter of this process does not have.

    environment: the name of the one that has it, for scripts/environment.
    """
    folder = argument(Path(os.environ.get("EDGE_VENVS", ".venv")) / environment)
    return (
        f"The package {error.name} is not installed for {sys.executable}: run "
        f"`scripts/environment {environment} && . {folder}/bin/activate`, then "
        "this again with `python`."
    )
