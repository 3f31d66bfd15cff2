"""A child process that runs the device's code: asked once, in JSON, and never left behind.

TensorFlow and a TFLite runtime must not share a process, and a bad file can end one natively, so
whatever is to be known of a runtime is asked this way. Knows nothing of what is asked.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import edge_server
from convert.console import Console
from convert.errors import BuildError, RecipeFailed
from edge_server.excerpt import last_line

# Loading a large model and its first run, on a slow and busy machine.
TIME_LIMIT: Final = 300.0


class ChildRefused(RecipeFailed):
    """The device's code answered with an error; `reason` is its sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The device's code refuses the converted model: {reason}")
        self.reason = reason


class ChildDied(BuildError):
    """The process ended without an answer. `how` completes a sentence: crashed (signal 11)."""

    def __init__(self, how: str) -> None:
        super().__init__(f"The device's runtime {how}.")
        self.how = how


def ask(
    module: str,
    request: dict[str, Any],
    *,
    count: int,
    console: Console,
    title: str,
    python: Path | None = None,
    timeout: float = TIME_LIMIT,
) -> dict[str, Any]:
    """The last line that `python -m module` answers to the request; a bar shows the lines before.

    `python` is the interpreter, by default this one. `timeout` is the longest silence, in seconds:
    a child that says nothing for so long is ended. Whatever is raised here, the child is dead.
    Raises ChildRefused where it answers with an error, ChildDied where it does not answer,
    BuildError where it can't be started or had TensorFlow in it.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as noise,
        tempfile.TemporaryFile("w+") as asked,
        tempfile.TemporaryDirectory(prefix="edge-convert-") as folder,
    ):
        json.dump(request, asked)
        asked.seek(0)
        home = home_for(python, Path(folder))
        child = _start(python or Path(sys.executable), module, home, asked, noise)
        try:
            last = _listen(child, count, console, title, timeout)
            status = child.wait(timeout)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise ChildDied(f"said nothing for {timeout:.0f} seconds and was ended") from None
        finally:
            child.kill()
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
        if "error" in last:
            raise ChildRefused(str(last["error"]))
        if status != 0 or not last:
            noise.seek(0)
            raise ChildDied(_how(status, noise.read()))
    if last.get("tensorflow_imported"):
        raise BuildError(
            "The device's code imported TensorFlow, so nothing was proven: "
            "this is a mistake in the product, report it."
        )
    return last


def home_for(python: Path | None, folder: Path) -> Path:
    """A directory with the device's code, the same that is imported here."""
    if python is None or python == Path(sys.executable):
        return Path(edge_server.__file__).resolve().parent.parent
    # Beside an installed edge_server lie this Python's libraries, which another must not see.
    package = Path(edge_server.__file__).resolve().parent
    (folder / package.name).symlink_to(package)
    return folder


def environment(python: Path | None, home: Path) -> dict[str, str]:
    """The environment variables of a child: its modules come from `home` first.

    What the caller has on PYTHONPATH follows for this Python; it is not meant for another.
    """
    paths = [str(home)]
    variables = dict(os.environ)
    if python is None or python == Path(sys.executable):
        others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        paths += map(os.path.abspath, others)
    else:
        variables.pop("PYTHONHOME", None)
        variables["PYTHONDONTWRITEBYTECODE"] = "1"
    return variables | {"PYTHONPATH": os.pathsep.join(paths)}


def _start(
    python: Path, module: str, home: Path, asked: IO[str], noise: IO[str]
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(python), "-m", module],
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=noise,
            # `-m` looks into the current directory first, which may hold another edge_server.
            cwd=home,
            env=environment(python, home),
        )
    except OSError as error:
        raise BuildError(
            f"{python} can't be started ({error.strerror}): it should be a Python with the "
            "device's runtime."
        ) from error


def _listen(
    child: subprocess.Popen[bytes], count: int, console: Console, title: str, timeout: float
) -> dict[str, Any]:
    assert child.stdout is not None
    last: dict[str, Any] = {}
    for line in console.bar(_messages(child.stdout, timeout), count, title):
        last = line
    return last


def _messages(stream: IO[bytes], timeout: float) -> Iterator[dict[str, Any]]:
    for line in _lines(stream, timeout):
        try:
            message = json.loads(line)
        except ValueError:  # something that a library printed
            continue
        if isinstance(message, dict):
            yield message


def _lines(stream: IO[bytes], timeout: float) -> Iterator[bytes]:
    """Lines as they come. Raises TimeoutError where none comes for so many seconds."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        deadline = time.monotonic() + timeout
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            if lines:
                deadline = time.monotonic() + timeout
            yield from lines
    if rest:
        yield rest


def _how(status: int, noise: str) -> str:
    how = f"crashed (signal {-status})" if status < 0 else f"failed (exit status {status})"
    # What a runtime tells of its delegates is no reason.
    words = [line for line in noise.splitlines() if not line.startswith("INFO:")]
    said = last_line("\n".join(words))
    return f"{how}: {said}" if said else how
