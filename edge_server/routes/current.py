"""The request that is being answered: when it came, and until when it has to be answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, g, request

from edge_server.deadline import ARRIVED, IS_GONE, TURN, Deadline
from edge_server.line import NO_TURN


def follow(app: Flask, timeout: float) -> None:
    """Give every request its deadline, `timeout` seconds after it came with its whole body."""

    @app.before_request
    def begin() -> None:
        # A server that is not ours sets none of them, and is done without.
        environ = request.environ
        options: dict[str, Any] = {
            "since": environ.get(ARRIVED),
            "turn": environ.get(TURN, NO_TURN),
        }
        is_gone: Callable[[], bool] | None = environ.get(IS_GONE)
        if is_gone is not None:
            options["is_gone"] = is_gone
        g.deadline = Deadline(timeout, **options)


def deadline() -> Deadline:
    """The current request's."""
    found: Deadline = g.deadline
    return found
