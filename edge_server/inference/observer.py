"""What a model's work tells those who count it, as it happens. Knows nothing of what they keep."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from edge_server.inference.classification import Classification


class Observer(Protocol):
    """Called from any thread, several at once; must not raise."""

    def executed(self, answers: Sequence[Classification]) -> None:
        """One run of an interpreter gave these answers; each `timing` is that picture's share."""

    def succeeded(self, seconds: float) -> None:
        """A request was answered with all its pictures, `seconds` after it came to the model."""

    def failed(self, error: Exception, seconds: float) -> None:
        """A request was not answered; `error` is what it got instead."""


class Silent:
    """Nobody counts: conversion, self-tests, models that are only tried."""

    def executed(self, answers: Sequence[Classification]) -> None: ...

    def succeeded(self, seconds: float) -> None: ...

    def failed(self, error: Exception, seconds: float) -> None: ...


SILENT: Final = Silent()


@contextmanager
def request(observer: Observer, waited: float = 0.0) -> Iterator[None]:
    """One request to a model, timed, and told to `observer` however it ends; it had `waited` so
    many seconds for its turn before."""
    start = time.perf_counter() - waited
    try:
        yield
    except Exception as error:
        observer.failed(error, time.perf_counter() - start)
        raise
    observer.succeeded(time.perf_counter() - start)
