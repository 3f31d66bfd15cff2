"""Tools that a test needs: on a developer's machine they may be missing, in CI they may not."""

from __future__ import annotations

import os

import pytest


def missing(what: str, why: str) -> None:
    """Skip for want of a tool; fail where EDGE_TEST_REQUIRE names it."""
    if what in os.environ.get("EDGE_TEST_REQUIRE", "").split(","):
        pytest.fail(f"{what} is required here: {why}")
    pytest.skip(why)
