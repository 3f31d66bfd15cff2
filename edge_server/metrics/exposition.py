"""All metrics of one server in a registry of its own, and how they are written for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric

from edge_server import __version__, board
from edge_server.inference.runtime import runtime_info
from edge_server.metrics import camera, catalogue, live, models
from edge_server.metrics.board import BoardPart
from edge_server.metrics.http import HttpMetrics
from edge_server.services import Services

_log = logging.getLogger(__name__)

Collect = Callable[[], Iterable[Metric]]


class _Registry(CollectorRegistry):
    """Without the time at which each counter began: as text it is as many series again."""

    def collect(self) -> Iterator[Metric]:
        for metric in super().collect():
            metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
            if metric.samples:
                yield metric


class Parts:
    """The parts that are read when somebody asks. One that fails is left out, said and logged."""

    def __init__(self, parts: dict[str, Collect]) -> None:
        self._parts = parts
        self._said: dict[str, str] = {}

    def collect(self) -> Iterator[Metric]:
        failed = dict.fromkeys(self._parts, False)
        for name, collect in self._parts.items():
            try:
                families = list(collect())
            except Exception as error:
                failed[name] = True
                self._say(name, error)
            else:
                self._said.pop(name, None)
                yield from families
        yield catalogue.PART_FAILED.values(*(((name,), value) for name, value in failed.items()))

    def _say(self, name: str, error: Exception) -> None:
        """Once, and not every fifteen seconds for as long as it lasts."""
        sentence = f"{type(error).__name__}: {error}"
        if self._said.get(name) != sentence:
            self._said[name] = sentence
            _log.warning("metrics of the %s are left out: %s", name, sentence, exc_info=error)


class Metrics:
    """`registry` for Prometheus' own exposition; `http` to be told of each request; `board`."""

    def __init__(
        self, services: Services, *, read_board: Callable[[], board.Board] = board.read
    ) -> None:
        self.registry = _Registry(support_collectors_without_names=True)
        self.http = HttpMetrics(self.registry)
        self.board = BoardPart(read_board)
        parts: dict[str, Collect] = {
            "server": lambda: _server(services),
            "models": lambda: models.states(services.models),
            "inference": lambda: models.work(services.observations),
            "process": ProcessCollector(registry=None).collect,
            "board": self.board.collect,
        }
        watched = services.camera
        if watched is not None:
            parts["camera"] = lambda: camera.collect(watched.grabber, watched.broadcast)
            parts["live"] = lambda: live.collect(
                watched.live, watched.subscribers, services.publisher
            )
        self.registry.register(Parts(parts))


def _server(services: Services) -> Iterator[Metric]:
    runtime = runtime_info()
    yield catalogue.BUILD.values(((__version__, f"{runtime.name}/{runtime.version}"), 1))
    if services.line is not None:
        yield catalogue.IN_LINE.value(services.line.waiting)
