"""A Python that has a target's runtime and the device's code, to try a model as the target would.

The processor stays this machine's: the runtime is the target's, of the same release.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import edge_server
from convert.console import Console
from convert.device import device_process, environment_maker
from convert.device.environment_maker import NotInstalled
from convert.device.targets import LITERT, Target
from convert.errors import BuildError, UsageError
from edge_server.excerpt import last_line

# A Python with the runtime, made elsewhere; and where environments are kept.
PYTHON_VARIABLE: Final = "EDGE_TARGET_PYTHON"
CACHE_VARIABLE: Final = "EDGE_CONVERT_CACHE"
_QUESTION: Final = """
import json
import cv2, flatbuffers, numpy, PIL
from edge_server.inference.runtime import runtime_info
info = runtime_info()
print(json.dumps({"runtime": info.name, "version": info.version}))
"""


@dataclass(frozen=True)
class _Found:
    """The runtime that the device's code finds in a Python, or why it finds none."""

    runtime: str | None
    version: str = ""
    reason: str = ""

    def fits(self, target: Target) -> bool:
        wanted = target.runtime_requirement().specifier
        return self.runtime == target.runtime and wanted.contains(self.version, prereleases=True)


# By the path of the Python, and where that leads.
_seen: dict[tuple[Path, Path], _Found] = {}


def python_for(target: Target, console: Console) -> Path:
    """A Python with the target's runtime: $EDGE_TARGET_PYTHON, this one, the checkout's, or one
    made once in the user's cache.

    Raises UsageError where $EDGE_TARGET_PYTHON has another runtime, BuildError where none can be
    made; an interrupt leaves nothing half done.
    """
    named = os.environ.get(PYTHON_VARIABLE)
    if named:
        return _named(Path(named).expanduser().absolute(), target)
    if _runs_here(target):
        return Path(sys.executable)
    for environment in (_checkout_environment(target), _place(target)):
        python = environment_maker.python_in(environment)
        if python.exists() and _look(python).fits(target):
            return python
    return _make(target, console)


def cache() -> Path:
    """Where environments are kept: $EDGE_CONVERT_CACHE, else the user's cache directory."""
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser().absolute()
    users = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification: a relative path is to be ignored.
    return (users if users.is_absolute() else Path.home() / ".cache") / "edge-classifier"


def _named(python: Path, target: Target) -> Path:
    found = _look(python)
    # Another release than ours is the point of naming one.
    if found.runtime == target.runtime:
        return python
    has = f"{found.runtime} {found.version}" if found.runtime else f"none ({found.reason})"
    raise UsageError(
        f"{PYTHON_VARIABLE} names {python}, whose runtime is {has}, where the target {target.name} "
        f"has {target.runtime}: name another, or unset it."
    )


def _runs_here(target: Target) -> bool:
    """Whether the device's code would find the target's runtime in this Python."""

    def version(name: str) -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    # LiteRT is taken first where both are.
    runtime = LITERT if version(LITERT) else target.runtime
    return _Found(runtime, version(runtime) or "0").fits(target)


def _checkout_environment(target: Target) -> Path:
    """Where `scripts/environment` of the checkout puts it."""
    root = Path(edge_server.__file__).resolve().parent.parent
    environments = Path(os.environ.get("EDGE_VENVS", root / ".venv")).absolute()
    return environments / ("edge" if target.runtime == LITERT else "tflite")


def _place(target: Target) -> Path:
    """A name that changes with what is to be installed."""
    wanted = "\n".join(sorted(map(str, target.requirements())))
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    return cache() / f"{target.runtime}-{digest}"


def _make(target: Target, console: Console) -> Path:
    """Make the environment; the same requirements are never installed twice."""
    base = environment_maker.find_python(target.pythons)
    if base is None:
        names = " or ".join(f"{major}.{minor}" for major, minor in sorted(target.pythons))
        raise BuildError(
            f"The target {target.name} needs Python {names} to run {target.runtime}, and none is "
            f"on the path: install one (`uv python install {'.'.join(map(str, target.pythons[0]))}`"
            f" does), or set {PYTHON_VARIABLE} to a Python that has {target.runtime}."
        )
    place = _place(target)
    with console.step(f"install {target.runtime} in {place} (once)"):
        try:
            python = environment_maker.make(
                place, base, [str(requirement) for requirement in target.requirements()]
            )
        except NotInstalled as error:
            raise BuildError(
                f"To try the model as {target.name} runs it, {target.runtime} has to be installed "
                f"beside it, which failed ({error.reason}): connect to the package registry once, "
                f"or set {PYTHON_VARIABLE} to a Python that has {target.runtime}."
            ) from error
    found = _look(python)
    if not found.fits(target):
        raise BuildError(
            f"{target.runtime} was installed in {place} but does not work ({found.reason}): "
            f"remove that directory, or set {PYTHON_VARIABLE} to a Python that has it."
        )
    return python


def _look(python: Path) -> _Found:
    """Which runtime the device's code finds in a Python. One that has it is asked once."""
    place = (python, python.parent.parent.resolve())
    found = _seen.get(place) or _ask(python)
    if found.runtime is not None:
        _seen[place] = found
    return found


def _ask(python: Path) -> _Found:
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as folder:
        home = device_process.home_for(python, Path(folder))
        try:
            done = subprocess.run(
                [str(python), "-c", _QUESTION],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=device_process.TIME_LIMIT,
                cwd=home,
                env=device_process.environment(python, home),
            )
        except OSError as error:
            return _Found(None, reason=str(error.strerror))
        except subprocess.TimeoutExpired:
            return _Found(None, reason="it does not answer")
    if done.returncode != 0:
        reason = last_line(done.stderr) or f"exit status {done.returncode}"
        return _Found(None, reason=reason)
    answer = json.loads(done.stdout.splitlines()[-1])
    return _Found(answer["runtime"], answer["version"])
