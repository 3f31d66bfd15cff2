"""Several pictures at once: one by one, as a batch, and side by side in several interpreters.

    python tests/bench/batch_inference.py MODEL.tflite [MODEL.tflite ...] [--rounds N]

Prints milliseconds a picture, the 15th percentile over the rounds, in which all ways take turns;
`cpu` is the processor time of the thread that runs them, which a busy machine disturbs less. The
resize (there and back) stands by itself; `rule` is what serving does on this machine.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from edge_server.inference import batching
from edge_server.inference.probe import pictures
from edge_server.inference.runtime import Model, runtime_info

SIZES = (2, 4, 8, 16)
WORKERS = 2


def one_by_one(model: Model, tensor: Any) -> None:
    for picture in tensor:
        model.run(picture[np.newaxis])


def measure(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, tuple[float, float]]:
    """Wall and thread time of each way, milliseconds."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.thread_time()
            way()
            spent = (time.perf_counter() - wall, time.thread_time() - cpu)
            if turn:  # the first warms up
                times[name].append(spent)
    return {name: tuple(1e3 * np.percentile(t, 15, axis=0)) for name, t in times.items()}


def table(file: Path, rounds: int) -> None:
    data = file.read_bytes()
    models = [Model(data) for _ in range(WORKERS)]
    resized = Model(data)
    rule = batching.size_that_pays(data, threads=1)
    print(f"\n{file.name}, rule: {'batches of ' + str(rule) if rule > 1 else 'one by one'}")
    print("pictures   one by one      batch   cpu ratio  side by side   resize, ms")
    with ThreadPoolExecutor(WORKERS) as workers:
        for size in SIZES:
            tensor = pictures(models[0].input, size)
            parts = np.array_split(tensor, WORKERS)
            resized.resize(size)

            def there_and_back(size: int = size) -> None:
                resized.resize(1)
                resized.resize(size)

            ways = {
                "single": lambda tensor=tensor: one_by_one(models[0], tensor),
                "batch": lambda tensor=tensor: resized.run(tensor),
                "side": lambda parts=parts: list(workers.map(one_by_one, models, parts)),
                "resize": there_and_back,
            }
            found = measure(ways, rounds)
            single, batch, side = (found[name][0] / size for name in ("single", "batch", "side"))
            ratio = found["batch"][1] / found["single"][1]
            print(
                f"{size:8}   {single:10.3f} {batch:10.3f} {ratio:11.2f} {side:13.3f} "
                f"{found['resize'][0]:12.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--rounds", type=int, default=20)
    chosen = parser.parse_args()
    info, cores = runtime_info(), os.cpu_count()
    print(f"{info.name} {info.version}, {cores} cores, load {os.getloadavg()[0]:.1f}")
    for file in chosen.models:
        table(file, chosen.rounds)


if __name__ == "__main__":
    main()
