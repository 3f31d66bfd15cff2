"""HTTP requests, counted as they are answered. Knows nothing of Flask."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from edge_server.inference.statistics import BOUNDS
from edge_server.metrics import catalogue

# A method is whatever the client writes; a label must not be.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"


class HttpMetrics:
    """Requests by route, method and status. Routes are patterns, so that there are few of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        requests, duration = catalogue.HTTP_REQUESTS, catalogue.HTTP_DURATION
        self._counted = Counter(requests.name, requests.help, requests.labels, registry=registry)
        self._duration = Histogram(
            duration.name, duration.help, duration.labels, registry=registry, buckets=BOUNDS
        ).labels
        # A child is looked up by its labels under a lock, which costs more than counting.
        self._counter = cache(self._counted.labels)
        self._histogram = cache(self._duration)

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """`route` is the pattern that took the request, None where none did."""
        route = route or OTHER
        self._counter(method if method in _METHODS else OTHER, route, str(status)).inc()
        self._histogram(route).observe(seconds)

    def refused(self, method: str, status: int) -> None:
        """A request that was refused before its route was looked for."""
        self._counter(method if method in _METHODS else OTHER, OTHER, str(status)).inc()

    def by_status(self) -> dict[str, int]:
        """How many requests were answered with each status."""
        found: dict[str, int] = {}
        for family in self._counted.collect():
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    status = sample.labels["status"]
                    found[status] = found.get(status, 0) + int(sample.value)
        return dict(sorted(found.items()))
