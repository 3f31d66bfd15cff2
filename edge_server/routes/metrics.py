"""GET /metrics, and the counting of every request."""

from __future__ import annotations

import time
from typing import Annotated, TypedDict, cast

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import make_wsgi_app

from edge_server.api.description import Content, Description, Tag, described
from edge_server.api.schema import about
from edge_server.body import InflatingRequest
from edge_server.metrics.exposition import Metrics

# Keys are the names of parameters.
MetricsQuery = TypedDict(
    "MetricsQuery",
    {"name[]": Annotated[list[str], about("Only the samples of these names.")]},
    total=False,
)
_METRICS = Description(
    Tag.HEALTH,
    "Numbers for Prometheus",
    "Text, or OpenMetrics for who asks for it; `name[]` chooses metrics.",
    query=MetricsQuery,
    answers={"text/plain": Content(str), "application/openmetrics-text": Content(str)},
)


def blueprint(metrics: Metrics) -> Blueprint:
    routes = Blueprint("metrics", __name__)
    exposition, http = make_wsgi_app(metrics.registry), metrics.http

    @routes.after_app_request
    def count(response: Response) -> Response:
        answered = cast(InflatingRequest, request)
        rule = answered.url_rule
        seconds = time.perf_counter() - answered.began
        http.answered(answered.method, rule.rule if rule else None, response.status_code, seconds)
        return response

    @routes.get("/metrics")
    @described(_METRICS)
    def read() -> ResponseReturnValue:
        # The client library chooses format and compression; it does not know of HEAD.
        answer = Response.from_app(exposition, request.environ | {"REQUEST_METHOD": "GET"})
        answer.get_data()  # whole, so that its length is said
        answer.headers["Cache-Control"] = "no-store"
        answer.vary.update(("Accept", "Accept-Encoding"))
        return answer

    return routes
