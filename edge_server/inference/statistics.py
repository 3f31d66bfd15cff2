"""What each model version did since it was first served: the one place where it is counted.

Prometheus' metrics and the statistics of the inference protocols are two views of these numbers.
"""

from __future__ import annotations

import threading
import time
import weakref
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_server.errors import DeadlineExceeded, Overloaded
from edge_server.inference.classification import Classification
from edge_server.inference.classifier import Classifier
from edge_server.inference.served import ModelInfo, ServedModel

# Upper bounds, seconds. From a small model's run on a Jetson to the default time limit of a
# request on the smallest board; few, since each costs a series for every version and stage.
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
STAGES: Final = ("decode", "preprocess", "queue", "invoke", "output")
# A count of each class's answers is kept for models of at most so many classes.
MAX_COUNTED_CLASSES: Final = 32
# Long enough for the last numbers of a version to be read, whoever reads every few minutes.
KEEP_SECONDS: Final = 600.0
# Of versions that are gone, so that a thousand changes within that time cost nothing either.
KEEP_VERSIONS: Final = 16


@dataclass(frozen=True)
class Distribution:
    """Durations: how many were within each of BOUNDS but not the one before, and, last, above."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)
    nanoseconds: int = 0

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def seconds(self) -> float:
        return self.nanoseconds / 1e9


@dataclass(frozen=True)
class BatchStatistics:
    """Runs of an interpreter with so many pictures at once, and their nanoseconds."""

    executions: int = 0
    input: int = 0
    invoke: int = 0
    output: int = 0


@dataclass(frozen=True)
class ModelStatistics:
    """One version's work until now. A request has one or more images.

    requests     answered requests, from the encoded images to the classes
    failed       requests that got an error instead, for whatever reason
    shed         of these, those turned away because too many waited
    timed_out    of these, those whose deadline came before their answer
    stages       each image's share of the time, by STAGES; decode only of encoded images
    images       images that were answered
    executions   runs of an interpreter; fewer than `images` where they were batches
    batches      the same by how many pictures a run had
    last_answer  Unix seconds, None before the first
    predictions  answers by class index, empty above MAX_COUNTED_CLASSES
    """

    requests: Distribution = field(default_factory=Distribution)
    failed: Distribution = field(default_factory=Distribution)
    shed: int = 0
    timed_out: int = 0
    stages: dict[str, Distribution] = field(
        default_factory=lambda: {stage: Distribution() for stage in STAGES}
    )
    images: int = 0
    executions: int = 0
    batches: dict[int, BatchStatistics] = field(default_factory=dict)
    last_answer: float | None = None
    predictions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Observed:
    """A version with its numbers, and the classifiers that answer with it; none when it is gone."""

    info: ModelInfo
    statistics: ModelStatistics
    classifiers: list[Classifier]


class _Durations:
    """A Distribution that grows."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds

    def read(self) -> Distribution:
        return Distribution(tuple(self._counts), round(self._seconds * 1e9))


class _Batch:
    """BatchStatistics that grow, in milliseconds."""

    def __init__(self) -> None:
        self.executions = 0
        self.input = self.invoke = self.output = 0.0

    def read(self) -> BatchStatistics:
        times = (round(part * 1e6) for part in (self.input, self.invoke, self.output))
        return BatchStatistics(self.executions, *times)


class Tally:
    """Counts one version's work: the Observer of its classifiers."""

    def __init__(self, info: ModelInfo) -> None:
        self.info = info
        self._lock = threading.Lock()
        self._requests, self._failed = _Durations(), _Durations()
        self._decode, self._preprocess = _Durations(), _Durations()
        self._queue, self._invoke, self._output = _Durations(), _Durations(), _Durations()
        self._batches: dict[int, _Batch] = {}
        self._shed = self._timed_out = self._images = self._executions = 0
        self._last_answer: float | None = None
        self._predictions: list[int] = []
        if len(info.labels) <= MAX_COUNTED_CLASSES:
            self._predictions = [0] * len(info.labels)

    def executed(self, answers: Sequence[Classification]) -> None:
        with self._lock:
            self._executions += 1
            batch = self._batches.get(len(answers))
            if batch is None:
                batch = self._batches[len(answers)] = _Batch()
            batch.executions += 1
            self._images += len(answers)
            self._last_answer = time.time()
            for answer in answers:
                timing = answer.timing
                if timing.decode:  # the camera's pictures are pixels already
                    self._decode.add(timing.decode / 1e3)
                self._preprocess.add(timing.preprocess / 1e3)
                self._queue.add(timing.queue / 1e3)
                self._invoke.add(timing.invoke / 1e3)
                self._output.add(timing.output / 1e3)
                batch.input += timing.decode + timing.preprocess
                batch.invoke += timing.invoke
                batch.output += timing.output
                if self._predictions:
                    self._predictions[answer.top[0].index] += 1

    def succeeded(self, seconds: float) -> None:
        with self._lock:
            self._requests.add(seconds)

    def failed(self, error: Exception, seconds: float) -> None:
        with self._lock:
            self._failed.add(seconds)
            self._shed += isinstance(error, Overloaded)
            self._timed_out += isinstance(error, DeadlineExceeded)

    def read(self) -> ModelStatistics:
        """The numbers of one moment, which belong together."""
        with self._lock:
            stages = (self._decode, self._preprocess, self._queue, self._invoke, self._output)
            return ModelStatistics(
                requests=self._requests.read(),
                failed=self._failed.read(),
                shed=self._shed,
                timed_out=self._timed_out,
                stages={name: stage.read() for name, stage in zip(STAGES, stages, strict=True)},
                images=self._images,
                executions=self._executions,
                batches={size: batch.read() for size, batch in sorted(self._batches.items())},
                last_answer=self._last_answer,
                predictions=tuple(self._predictions),
            )


class _Kept:
    """A tally, the classifiers that it counts, and since when there is none of them any more."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.counted: list[weakref.ref[Classifier]] = []
        self.gone_since: float | None = None

    def living(self) -> list[Classifier]:
        return [found for found in (ref() for ref in self.counted) if found is not None]


class Observations:
    """The tallies of all versions that are served, and for a while of those that were.

    clock         monotonic seconds
    keep_seconds  for which the numbers of a version stay when nothing answers with it any more
    keep_versions how many such versions there are at most; the longest gone is forgotten first
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        keep_seconds: float = KEEP_SECONDS,
        keep_versions: int = KEEP_VERSIONS,
    ) -> None:
        self._clock, self._keep_seconds, self._keep_versions = clock, keep_seconds, keep_versions
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def attach(self, served: ServedModel) -> None:
        """Count the work of a model from now on.

        A version that comes back counts on, but another file under its name begins at zero.
        """
        info = served.info
        with self._lock:
            self._forget()
            kept = self._kept.get((info.name, info.version))
            if kept is None or kept.tally.info != info:
                kept = self._kept[info.name, info.version] = _Kept(Tally(info))
            kept.counted = [ref for ref in kept.counted if ref() is not None]
            kept.counted.append(weakref.ref(served.classifier))
            kept.gone_since = None
            served.classifier.observer = kept.tally

    def of(self, name: str, version: str) -> ModelStatistics:
        """The numbers of a version; zeros where it has done nothing, or is long gone."""
        with self._lock:
            kept = self._kept.get((name, version))
        return kept.tally.read() if kept else ModelStatistics()

    def all(self) -> list[Observed]:
        """Every version that has numbers."""
        with self._lock:
            self._forget()
            kept = [(kept.tally, kept.living()) for kept in self._kept.values()]
        return [Observed(tally.info, tally.read(), living) for tally, living in kept]

    def _forget(self) -> None:
        now = self._clock()
        gone: list[tuple[float, tuple[str, str]]] = []
        for key, kept in self._kept.items():
            if kept.living():
                continue
            if kept.gone_since is None:
                kept.gone_since = now
            gone.append((kept.gone_since, key))
        gone.sort()
        surplus = len(gone) - self._keep_versions
        for place, (since, key) in enumerate(gone):
            if place < surplus or now - since > self._keep_seconds:
                del self._kept[key]
