"""Runs a candidate as the device would: its code, its runtime, a process without TensorFlow."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from convert.console import Console
from convert.device import device_process
from convert.device.device_process import ChildDied
from convert.errors import RecipeFailed
from convert.metrics import Scores
from edge_server.inference.partitions import Partitions
from edge_server.inference.preprocessing import Preprocessing

# As many pictures as the probe tries together.
PROBED_BATCH: Final = 4


@dataclass(frozen=True)
class Shown:
    """Photos that a graph is tried on, and how it sees them."""

    photos: tuple[Path, ...]
    spec: Preprocessing


@dataclass(frozen=True)
class DeviceRun:
    """Scores, float32 (photos, classes), and what computed them. Milliseconds per photo.

    `partitions` tells how much of the graph ran inside XNNPACK, None where the runtime does not
    say it.
    """

    scores: Scores
    runtime: str
    runtime_version: str
    golden_samples: int
    invoke_ms_median: float | None
    partitions: Partitions | None = None

    @property
    def xnnpack(self) -> dict[str, int] | None:
        """`partitions` for machines."""
        return None if self.partitions is None else self.partitions.to_json()


@dataclass(frozen=True)
class ProbedTensor:
    """An input or output as the runtime sees it; `dtype` as numpy calls it."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """What one try on the runtime showed.

    `finite` is false where an answer was infinite or no number. `resizable_batch` says that
    several pictures at once get the answers that they get alone; `batch_reason` why not, else None.
    `black_reason` says why the model fails on a black picture, None where it does not.
    """

    runtime: str
    runtime_version: str
    input: ProbedTensor
    output: ProbedTensor
    finite: bool
    resizable_batch: bool
    batch_reason: str | None
    black_reason: str | None = None


def run(
    model: Path,
    photos: Sequence[Path],
    *,
    threads: int,
    console: Console,
    title: str,
    python: Path | None = None,
) -> DeviceRun:
    """Score photos with a model file, in a child process; its golden samples are run first.

    `python` is the interpreter of the runtime, by default this one. Raises BuildError where the
    device's code refuses the model, or the process dies or hangs.
    """
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as folder:
        scores_file = Path(folder) / "scores.npy"
        request = {
            "model": str(model.resolve()),
            "photos": [str(photo.resolve()) for photo in photos],
            "threads": threads,
            "scores": str(scores_file),
        }
        last = _ask("evaluate", request, model.name, len(photos), console, title, python)
        return DeviceRun(
            scores=np.load(scores_file),
            runtime=last["runtime"],
            runtime_version=last["runtime_version"],
            golden_samples=last["golden_samples"],
            invoke_ms_median=last["invoke_ms_median"],
            partitions=last["partitions"] and Partitions(**last["partitions"]),
        )


def probe(
    model: Path,
    *,
    shown: Shown | None = None,
    python: Path | None = None,
    console: Console | None = None,
) -> Probe:
    """Load a bare .tflite, run it on a few pictures, and try to resize it to a batch.

    Without `shown` the pictures are made up, and answers that are not finite say nothing of the
    model. Raises ChildRefused where the runtime does not take the model, with its reason, and
    RecipeFailed where the process dies or hangs.
    """
    request: dict[str, Any] = {
        "model": str(model.resolve()),
        "threads": 1,
        "batch": PROBED_BATCH,
        "photos": [str(photo.resolve()) for photo in shown.photos] if shown else [],
        "preprocessing": shown.spec.to_json() if shown else None,
    }
    last = _ask("probe", request, model.name, 0, console or Console(), "trying the model", python)
    return Probe(
        runtime=last["runtime"],
        runtime_version=last["runtime_version"],
        input=_tensor(last["input"]),
        output=_tensor(last["output"]),
        finite=last["finite"],
        resizable_batch=last["batch"]["resizable"],
        batch_reason=last["batch"]["reason"],
        black_reason=last["black"],
    )


def latency(
    models: Sequence[Path],
    *,
    rounds: int,
    threads: int,
    console: Console,
    python: Path | None = None,
) -> list[float]:
    """Median time of one invoke of each model, in milliseconds; the models take turns.

    Raises BuildError where the runtime refuses one, or the process dies or hangs.
    """
    request = {
        "models": [str(model.resolve()) for model in models],
        "rounds": rounds,
        "threads": threads,
    }
    names = ", ".join(model.name for model in models)
    last = _ask("latency", request, names, rounds, console, "measuring the time", python)
    return [float(times["median"]) for times in last["invoke_ms"]]


def _ask(
    part: str,
    request: dict[str, Any],
    what: str,
    count: int,
    console: Console,
    title: str,
    python: Path | None,
) -> dict[str, Any]:
    try:
        return device_process.ask(
            f"edge_server.inference.{part}",
            request,
            count=count,
            console=console,
            title=title,
            python=python,
        )
    except ChildDied as death:
        raise RecipeFailed(f"The device's runtime {death.how}, while it ran {what}.") from death


def _tensor(described: dict[str, Any]) -> ProbedTensor:
    return ProbedTensor(described["name"], described["dtype"], tuple(described["shape"]))
