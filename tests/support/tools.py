"""Tools that a test needs: on a developer's machine they may be missing, in CI they may not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def missing(what: str, why: str) -> None:
    """Skip for want of a tool; fail where EDGE_TEST_REQUIRE names it."""
    if what in os.environ.get("EDGE_TEST_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {why}")
    pytest.skip(why)


def until(condition: Callable[[], Any], what: str = "waited in vain", seconds: float = 30.0) -> Any:
    """What the condition gives, once it is true; `what` says what it means if it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return found


@contextmanager
def ended(make: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """`make`, and kill() of each that it made, at the end."""
    running: list[Any] = []

    def start(*arguments: Any) -> Any:
        running.append(make(*arguments))
        return running[-1]

    yield start
    for each in running:
        each.kill()
