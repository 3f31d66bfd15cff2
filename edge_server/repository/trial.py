"""A version is tried in a process of its own before it comes into the server's.

A malformed file can end the runtime without an exception. The child does what serving does: it
loads the file with the same options, in as many interpreters, and runs the golden samples; on the
CPU alone, since many an accelerator belongs to one process, which is the server's. Reads
    {"model": FILE, "options": {...}}
from standard input and writes {"fingerprint": TEXT}, or {"error": sentence, "kind": class}.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals
from typing import IO, Any, Final

import edge_server
from edge_server.errors import EdgeError, ModelFileError, ModelRefused, SettingError
from edge_server.excerpt import last_line
from edge_server.inference import child, loading
from edge_server.inference.bundle import Bundle
from edge_server.inference.loading import LoadOptions

# A large model on a slow and busy device.
TIME_LIMIT: Final = 300.0
# Behind the requests that are being answered.
_NICENESS: Final = 10
_LOOK_SECONDS: Final = 0.05
_REFUSALS: Final = (ModelFileError, ModelRefused, SettingError)
_KINDS: Final = {kind.__name__: kind for kind in _REFUSALS}


class TrialCrashed(ModelFileError):
    """The runtime dies of a file."""


class TrialUnfinished(EdgeError):
    """The trial came to no end, which says nothing of the file: worth another one later."""


def fingerprint(found: Bundle) -> str:
    """What tells a file, with its labels and preprocessing, from every other."""
    parts = [found.file.sha256, found.labels, repr(found.preset), found.color_order]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def run(path: Path, options: LoadOptions, *, ending: threading.Event | None = None) -> str:
    """Try a file; returns the fingerprint of what was tried.

    Raises what loading.load() raises, TrialCrashed, and TrialUnfinished when it takes over
    TIME_LIMIT, when `ending` is set meanwhile, or when the system ended it for want of memory.
    """
    request = {"model": str(path.absolute()), "options": _to_json(options)}
    with (
        tempfile.TemporaryFile("w+") as asked,
        tempfile.TemporaryFile("w+", errors="replace") as said,
        tempfile.TemporaryFile("w+", errors="replace") as noise,
    ):
        json.dump(request, asked)
        asked.seek(0)
        status = _wait(_start(asked, said, noise), path, ending)
        said.seek(0)
        noise.seek(0)
        return _result(path, status, said.read(), noise.read())


def _start(asked: IO[str], said: IO[str], noise: IO[str]) -> subprocess.Popen[bytes]:
    home = Path(edge_server.__file__).resolve().parent.parent
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = os.pathsep.join([str(home), *map(os.path.abspath, others)])
    return subprocess.Popen(
        [sys.executable, "-m", "edge_server.repository.trial"],
        stdin=asked,
        stdout=said,
        stderr=noise,
        # `-m` looks into the current directory first, which may hold another edge_server.
        cwd=home,
        env=os.environ | {"PYTHONPATH": paths},
    )


def _wait(process: subprocess.Popen[bytes], path: Path, ending: threading.Event | None) -> int:
    ending = ending or threading.Event()
    waited = 0.0
    try:
        while waited < TIME_LIMIT and not ending.is_set():
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
    finally:
        process.kill()
        process.wait()
    if ending.is_set():
        raise TrialUnfinished(f"The trial of {path} was ended with the server.")
    raise TrialUnfinished(
        f"{path} was not loaded and proven within {TIME_LIMIT:g} s: it is too large for this "
        "device, or the device is too busy."
    )


def _result(path: Path, status: int, said: str, noise: str) -> str:
    answer: dict[str, Any] = {}
    for line in said.splitlines():
        with suppress(ValueError):  # something that a library printed
            answer = json.loads(line)
    if "error" in answer:
        raise _KINDS.get(answer.get("kind", ""), EdgeError)(answer["error"])
    if status == -SIGKILL:
        raise TrialUnfinished(
            f"The trial of {path} was killed, most likely for want of memory: use a smaller "
            "model, or fewer --interpreters."
        )
    if status != 0 or "fingerprint" not in answer:
        how = f"crashes with {_signal(-status)}" if status < 0 else f"fails with status {status}"
        words = last_line(noise)
        raise TrialCrashed(
            f"{path} is damaged, or not made for this device's runtime, which {how}"
            f"{f' ({words})' if words else ''}: copy it again or convert it again."
        )
    return str(answer["fingerprint"])


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def _to_json(options: LoadOptions) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(options)} - {"observations", "delegate"}
    labels = None if options.labels is None else str(options.labels.absolute())
    return {name: getattr(options, name) for name in names} | {"labels": labels}


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    with suppress(OSError):
        os.nice(_NICENESS)
    values = request["options"]
    labels = values["labels"] and Path(values["labels"])
    options = LoadOptions(**values | {"labels": labels})
    try:
        found = loading.read(Path(request["model"]), options)
        loading.make(found, options, version="trial")
    except _REFUSALS as error:
        return {"error": str(error), "kind": type(error).__name__}
    return {"fingerprint": fingerprint(found)}


if __name__ == "__main__":
    sys.exit(child.serve(_answer))
