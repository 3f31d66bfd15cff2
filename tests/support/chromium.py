"""Headless Chromium, the system's own, for tests that look at pages."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tools import missing


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright's until the block ends; the test is skipped where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        missing("chromium", "needs Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        # As root Chromium has no sandbox; the rest keeps it from looking for its maker's hosts.
        made = playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield made
        made.close()
