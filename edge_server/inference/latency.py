"""How long models take on this device: fair between them, since they take turns.

Run as a process of its own (`python -m edge_server.inference.latency`). Reads
    {"models": [FILE, ...], "rounds": N, "threads": N}
from standard input and writes a JSON line for each round, {"done": n}, then a last one:
    {"invoke_ms": [{"median": x, "p10": x, "p90": x}, ...]}, in the order of the models.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge_server.inference import bundle, child
from edge_server.inference.preprocessing import Preprocessing
from edge_server.inference.probe import pictures
from edge_server.inference.runtime import Model

# The first runs touch memory for the first time and pack weights.
_WARM_UP_RUNS: Final = 3


def measure(
    models: Sequence[Model],
    rounds: int,
    *,
    done: Callable[[int], None],
    specs: Sequence[Preprocessing | None] = (),
) -> list[dict[str, float]]:
    """Median and deciles of one invoke of each model, in milliseconds.

    `specs` say how each sees pictures.

    The models take turns, invoke by invoke, so that what else the machine does falls on all of
    them alike; each round begins with another. `done` hears of every round. Raises
    ModelFileError where a model fails.
    """
    inputs = [
        pictures(model.input, 1, spec) for model, spec in zip_longest(models, specs[: len(models)])
    ]
    for model, tensor in zip(models, inputs, strict=True):
        for _ in range(_WARM_UP_RUNS):
            model.run(tensor)
    times = np.zeros((rounds, len(models)))
    for turn in range(rounds):
        for place in range(len(models)):
            index = (turn + place) % len(models)
            start = time.perf_counter()
            models[index].run(inputs[index])
            times[turn, index] = (time.perf_counter() - start) * 1e3
        done(turn + 1)
    low, median, high = np.percentile(times, (10, 50, 90), axis=0)
    return [
        {"median": float(median[n]), "p10": float(low[n]), "p90": float(high[n])}
        for n in range(len(models))
    ]


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    paths = [Path(path) for path in request["models"]]
    threads = int(request["threads"])
    found = [bundle.read(path) for path in paths]
    models = [
        Model(one.file.data, threads=threads, name=path.name)
        for one, path in zip(found, paths, strict=True)
    ]
    specs = [one.manifest.preprocessing if one.manifest else None for one in found]
    times = measure(models, int(request["rounds"]), done=child.progress, specs=specs)
    return {"invoke_ms": times}


if __name__ == "__main__":
    sys.exit(child.serve(_answer))
