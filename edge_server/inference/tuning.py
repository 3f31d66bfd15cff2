"""How many interpreters, of how many threads each, answer most pictures on this device: measured.

Many interpreters of one thread waste nothing on dividing small operators; one interpreter of many
threads needs the least memory and answers a single caller soonest. Which wins depends on the
model and on the cores. A kiosk has a single caller: where that pays, one more interpreter, of as
many threads as there are cores, answers whoever is alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge_server import processors
from edge_server.errors import ModelFileError
from edge_server.inference.preprocessing import Tensor
from edge_server.inference.probe import pictures
from edge_server.inference.runtime import Model
from edge_server.logs import fields

_log = logging.getLogger(__name__)

# Each interpreter has the activations and packed weights of the whole model.
MAX_INTERPRETERS: Final = 4
# Of each of the slices of a way; a model that is slower than this is run once by each interpreter.
# The best slice counts: what else the machine did meanwhile is no property of the model.
_SECONDS: Final = 0.08
_SLICES: Final = 3
# By a model's name and what was tried.
_chosen: dict[tuple[str, tuple[Way, ...]], Way] = {}
# Within this share of the best throughput the ways are as good as each other. Here nothing but the
# model runs; beside requests, threads of one interpreter wait for the one that had to give way.
_AS_GOOD: Final = 0.75
# An interpreter for whoever is alone has to bring the time of a picture down to this share, and
# costs as much memory as another: not for small gains, nor for large models. Bytes of the file.
_PAYS: Final = 0.75
_LEAST_GAIN: Final = 0.001  # seconds
_MAX_ALONE_BYTES: Final = 16 * 2**20


@dataclass(frozen=True)
class Way:
    """Interpreters, each with so many threads, and one of `alone` threads beside them, if any."""

    interpreters: int
    threads: int
    alone: int = 0


@dataclass(frozen=True)
class Measured:
    """A way and the pictures that it answered in a second, all interpreters at work."""

    way: Way
    per_second: float


def ways(cores: int, *, interpreters: int = 0, threads: int = 0) -> tuple[Way, ...]:
    """What is worth trying on so many cores; 0 means free to choose.

    Never more threads than cores in all, unless both numbers are given.
    """
    if interpreters and threads:
        return (Way(interpreters, threads),)
    if interpreters:
        return (Way(interpreters, max(1, cores // interpreters)),)
    most = min(cores, MAX_INTERPRETERS)
    if threads:
        return (Way(max(1, min(cores // threads, most)), threads),)
    counts = {most, max(1, most // 2), 1}
    return tuple(Way(count, max(1, cores // count)) for count in sorted(counts))


def measure(data: bytes, tried: Sequence[Way]) -> tuple[Measured, ...]:
    """Run the bytes of a .tflite in each way, one way after the other.

    Takes about a quarter of a second a way, and the loading. Raises ModelFileError.
    """
    return tuple(Measured(way, _throughput(data, way)) for way in tried)


def best(measured: Sequence[Measured]) -> Way:
    """The way with the most interpreters of those that are about as fast as the fastest.

    Pictures are decoded by one thread each, which then also are as many.
    """
    fastest = max(found.per_second for found in measured)
    good = [found.way for found in measured if found.per_second >= _AS_GOOD * fastest]
    return max(good, key=lambda way: way.interpreters)


def threads_alone(measured: Sequence[Measured], chosen: Way) -> int:
    """How many threads an interpreter for whoever is alone should have; 0 for none."""
    seconds = {found.way: found.way.interpreters / found.per_second for found in measured}
    soonest = min(seconds, key=lambda way: seconds[way])
    gain = seconds[chosen] - seconds[soonest]
    if soonest.threads <= chosen.threads or gain < _LEAST_GAIN:
        return 0
    return soonest.threads if seconds[soonest] <= _PAYS * seconds[chosen] else 0


def choose(name: str, data: bytes, *, interpreters: int = 0, threads: int = 0) -> Way:
    """The way for a model `name` with the bytes `data`; what is not 0 is taken as it is.

    A name is measured once in a process: a later version of it comes while others are being
    answered, when nothing could be measured. What fails is not measured.
    """
    tried = ways(processors.count(), interpreters=interpreters, threads=threads)
    if len(tried) == 1:
        return tried[0]
    key = (name, tried)
    if key not in _chosen:
        try:
            measured = measure(data, tried)
        except ModelFileError:
            # It fails on what was made up to measure it, or on anything: loading will tell.
            return tried[0]
        way = best(measured)
        if len(data) <= _MAX_ALONE_BYTES and not (interpreters or threads):
            way = replace(way, alone=threads_alone(measured, way))
        _chosen[key] = way
        runs = {
            f"{found.way.interpreters}x{found.way.threads}": f"{found.per_second:.1f}/s"
            for found in measured
        }
        _log.info("measured interpreters x threads", extra=fields(model=name, **runs))
    return _chosen[key]


def _throughput(data: bytes, way: Way) -> float:
    models = [Model(data, threads=way.threads) for _ in range(way.interpreters)]
    tensor = pictures(models[0].input, 1)
    for model in models:
        model.run(tensor)  # the first run packs weights
    return max(_slice(models, tensor) for _ in range(_SLICES))


def _slice(models: Sequence[Model], tensor: Tensor) -> float:
    counts = [0] * len(models)
    ends = [0.0] * len(models)
    begin = time.perf_counter()

    def work(number: int) -> None:
        while not counts[number] or ends[number] - begin < _SECONDS:
            models[number].run(tensor)
            counts[number] += 1
            ends[number] = time.perf_counter()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(models))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (max(ends) - begin)
