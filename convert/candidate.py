"""Runs a candidate as the device would: its code, its runtime, a process without TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

import edge_server
from convert.console import Console
from convert.errors import BuildError
from convert.metrics import Scores


@dataclass(frozen=True)
class DeviceRun:
    """Scores, float32 (photos, classes), and what computed them. Milliseconds per photo."""

    scores: Scores
    runtime: str
    runtime_version: str
    golden_samples: int
    invoke_ms_median: float | None


def run(
    model: Path, photos: Sequence[Path], *, threads: int, console: Console, title: str
) -> DeviceRun:
    """Score photos with a model file, in a child process; its golden samples are run first.

    Raises BuildError where the device's code refuses the model or the process dies.
    """
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as folder:
        scores_file = Path(folder) / "scores.npy"
        request = {
            "model": str(model.resolve()),
            "photos": [str(photo.resolve()) for photo in photos],
            "threads": threads,
            "scores": str(scores_file),
        }
        last, status, noise = _run_child(request, len(photos), console, title)
        if status != 0 or "error" in last:
            raise BuildError(_failure(model, last, status, noise))
        if last["tensorflow_imported"]:
            raise BuildError(
                "The device's code imported TensorFlow, so nothing was proven: "
                "this is a mistake in the product, report it."
            )
        return DeviceRun(
            scores=np.load(scores_file),
            runtime=last["runtime"],
            runtime_version=last["runtime_version"],
            golden_samples=last["golden_samples"],
            invoke_ms_median=last["invoke_ms_median"],
        )


def _run_child(
    request: dict[str, Any], count: int, console: Console, title: str
) -> tuple[dict[str, Any], int, str]:
    """The child's last line, its exit status, and what it wrote to standard error."""
    with tempfile.TemporaryFile("w+") as noise:
        # The child's device code is this same code, wherever it was imported from.
        home = str(Path(edge_server.__file__).resolve().parent.parent)
        others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
        path = os.pathsep.join([home, *map(os.path.abspath, others)])
        child = subprocess.Popen(
            [sys.executable, "-m", "edge_server.inference.evaluate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
            # `-m` looks into the current directory first, which may hold another edge_server.
            cwd=home,
            env=os.environ | {"PYTHONPATH": path},
        )
        try:
            last = _talk(child, request, count, console, title)
            status = child.wait()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        noise.seek(0)
        return last, status, noise.read()


def _talk(
    child: subprocess.Popen[str],
    request: dict[str, Any],
    count: int,
    console: Console,
    title: str,
) -> dict[str, Any]:
    assert child.stdin is not None
    assert child.stdout is not None
    last: dict[str, Any] = {}
    try:
        json.dump(request, child.stdin)
        child.stdin.close()
    except BrokenPipeError:
        return last
    for line in console.bar(_lines(child.stdout), count, title):
        last = line
    return last


def _lines(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for line in stream:
        try:
            message = json.loads(line)
        except ValueError:  # something that a library printed
            continue
        if isinstance(message, dict):
            yield message


def _failure(model: Path, last: dict[str, Any], status: int, noise: str) -> str:
    if "error" in last:
        return f"The device's code refuses the converted model: {last['error']}"
    how = f"crashed (signal {-status})" if status < 0 else f"failed (exit status {status})"
    words = [line for line in noise.splitlines() if line.strip()]
    said = f": {words[-1][:200]}" if words else ""
    return f"The device's runtime {how} while it ran {model.name}{said}. Try --recipe float32."
