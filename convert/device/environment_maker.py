"""Makes a virtual environment all or nothing: half of one never stands under its name.

Knows nothing of targets. Works in a directory of its own beside the place, under a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import importlib.metadata
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.version import Version

from convert.errors import BuildError
from edge_server.excerpt import last_line

# Installing half a dozen wheels over a slow line.
_TIME_LIMIT: Final = 1800.0
_UNFINISHED: Final = ".making-"


class NotInstalled(BuildError):
    """An environment could not be made; `reason` is what the installer said."""

    def __init__(self, base: Path, reason: str) -> None:
        super().__init__(f"{base} could not be given an environment ({reason}).")
        self.reason = reason


def python_in(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / "bin" / "python"


def make(place: Path, base: Path, requirements: Sequence[str]) -> Path:
    """A virtual environment of the Python `base` at `place`, with wheels installed; its Python.

    Another process that makes the same is waited for. Raises NotInstalled where it can't be made,
    BuildError where the place can't be written; then, and after an interrupt, nothing is left.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.parent):
            if not python_in(place).exists():
                _make(place, base, requirements)
    except OSError as error:
        raise BuildError(
            f"An environment can't be made in {place.parent} ({error.strerror}): "
            "set EDGE_CONVERT_CACHE to a directory that can be written."
        ) from error
    return python_in(place)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder's lock, which the system frees when a process dies."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever made these was killed, since the lock is ours.
        for left in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _make(place: Path, base: Path, requirements: Sequence[str]) -> None:
    making = place.parent / f"{_UNFINISHED}{secrets.token_hex(4)}"
    unfinished, temporary = making / "venv", making / "tmp"
    try:
        temporary.mkdir(parents=True)
        said = ""
        for way in (_with_uv, _with_pip):
            said = way(unfinished, base, requirements, temporary) or ""
            if not said:
                break
            shutil.rmtree(unfinished, ignore_errors=True)
        if said:
            raise NotInstalled(base, said)
        shutil.rmtree(place, ignore_errors=True)  # one whose Python is gone
        unfinished.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def uv() -> Path | None:
    """The program `uv`, on the path or beside this Python."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    with contextlib.suppress(ImportError, FileNotFoundError, AttributeError):
        return Path(importlib.import_module("uv").find_uv_bin())
    return None


def _with_uv(
    environment: Path, base: Path, requirements: Sequence[str], temporary: Path
) -> str | None:
    """What went wrong, None where all is well."""
    program = uv()
    if program is None:
        return "there is no uv"
    python = python_in(environment)
    install = ["pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(python)]
    return _run([program, "venv", "--quiet", "--python", base, environment], temporary) or _run(
        [program, *install, *requirements], temporary
    )


def _with_pip(
    environment: Path, base: Path, requirements: Sequence[str], temporary: Path
) -> str | None:
    """What went wrong, None where all is well."""
    python = python_in(environment)
    options = ["-qq", "--disable-pip-version-check", "--only-binary", ":all:"]
    if _pip_installs_elsewhere():
        # Spares the environment a pip of its own, which takes longer than all the rest.
        venv: list[str | Path] = [base, "-m", "venv", "--without-pip", environment]
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
    else:
        venv, pip = [base, "-m", "venv", environment], [python, "-m", "pip"]
    return _run(venv, temporary) or _run([*pip, "install", *options, *requirements], temporary)


def _pip_installs_elsewhere() -> bool:
    """Whether this Python's pip knows --python, as from 22.3 on."""
    try:
        return Version(importlib.metadata.version("pip")) >= Version("22.3")
    except importlib.metadata.PackageNotFoundError:
        return False


def _run(command: Sequence[str | Path], temporary: Path) -> str | None:
    """Run to the end; None, or what the program said when it failed. Leaves no process behind."""
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    with (temporary / "noise").open("w+", errors="replace") as noise:
        child = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=noise,
            stderr=noise,
            # A uv.toml in the current directory is not about this.
            cwd=temporary,
            env=variables | {"TMPDIR": str(temporary)},
            # An interrupt is ours to handle; and its own children end with it.
            start_new_session=True,
        )
        try:
            status = child.wait(_TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return f"no end after {_TIME_LIMIT / 60:.0f} minutes"
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        noise.seek(0)
        words = last_line(noise.read())
    if status == 0:
        return None
    return words.removeprefix("ERROR: ") or f"status {status}"


def find_python(versions: Sequence[tuple[int, int]]) -> Path | None:
    """A CPython of one of these versions: this one, one on the path, or one that uv has."""
    if sys.version_info[:2] in versions:
        return Path(sys.executable)
    for major, minor in versions:
        for name in (f"python{major}.{minor}", "python3"):
            found = shutil.which(name)
            if found and _version(Path(found)) == (major, minor):
                return Path(found)
        found_by_uv = _uv_python(f"{major}.{minor}")
        if found_by_uv and _version(found_by_uv) == (major, minor):
            return found_by_uv
    return None


def _version(python: Path) -> tuple[int, int] | None:
    said = _output([python, "-c", "import sys, venv; print(*sys.version_info[:2])"])
    numbers = [int(text) for text in said.split()] if said else []
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _uv_python(version: str) -> Path | None:
    program = uv()
    said = program and _output([program, "python", "find", "--system", version])
    return Path(said) if said else None


def _output(command: Sequence[str | Path]) -> str:
    """What a short command prints, nothing where it fails."""
    try:
        done = subprocess.run(
            list(map(str, command)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            # To look for a Python is not to download one.
            env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
