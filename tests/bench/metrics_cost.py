"""What counting costs: microseconds a request, milliseconds a scrape.

    PYTHONPATH=. python tests/bench/metrics_cost.py [--rounds N]

Processor time of this thread, the best of the rounds: a busy machine disturbs it little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from flask import Flask, Response
from prometheus_client import generate_latest

from edge_server import board, services
from edge_server.inference.classification import Classification, Prediction, Timing
from edge_server.inference.observer import SILENT, request
from edge_server.metrics.exposition import Metrics
from edge_server.routes import metrics as route
from edge_server.settings import Settings


def best(work: Callable[[], object], times: int, rounds: int) -> float:
    """Seconds of one call."""
    measured = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(times):
            work()
        measured.append(time.thread_time() - start)
    return min(measured) / times


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=20)
    rounds = options.parse_args().rounds

    served = services.build(Settings(camera="none"))
    metrics = Metrics(served)
    tally = served.models.get().classifier.observer
    answer = Classification(
        (Prediction("7", 7, 0.9),), Timing(decode=1.2, preprocess=0.8, queue=0.01, invoke=3.5)
    )

    def model(observer: object) -> None:
        with request(observer):
            observer.executed([answer])

    app = Flask("metrics_cost")
    app.register_blueprint(route.blueprint(metrics))
    begin, end = app.before_request_funcs[None][0], app.after_request_funcs[None][0]
    response = Response()

    def http() -> None:
        begin()
        end(response)

    counted, silent = (best(lambda o=o: model(o), 5000, rounds) for o in (tally, SILENT))
    with app.test_request_context("/metrics"):
        answered = best(http, 5000, rounds)
    print(f"model, one image    {1e6 * (counted - silent):6.1f} us a request")
    print(f"HTTP                {1e6 * answered:6.1f} us a request")
    print(f"both                {1e6 * (counted - silent + answered):6.1f} us a request")
    scrape = best(lambda: generate_latest(metrics.registry), 5, rounds)
    print(f"scrape              {1e3 * scrape:6.1f} ms")
    print(f"of it, the board    {1e3 * best(board.read, 5, rounds):6.1f} ms")
    size = len(generate_latest(metrics.registry))
    print(f"size                {size / 1024:6.1f} KiB, as plain text, one model of 10 classes")


main()
