"""Tools that a test needs: on a developer's machine they may be missing, in CI they may not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def missing(what: str, why: str) -> None:
    """Skip for want of a tool; fail where EDGE_TEST_REQUIRE names it."""
    if what in os.environ.get("EDGE_TEST_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {why}")
    pytest.skip(why)


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
