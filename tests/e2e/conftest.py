"""The product as its users run it: real processes, real sockets, a real browser.

The server runs in the environment that a device has, named by EDGE_DEVICE_PYTHON (scripts/test
sets it); without that in the one that runs the tests.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chromium import chromium
from tools import missing

ROOT = Path(__file__).resolve().parents[2]
DEVICE_PYTHON = os.environ.get("EDGE_DEVICE_PYTHON", sys.executable)
START_SECONDS = 60.0


@dataclass(frozen=True)
class RunningServer:
    """A server that answers at `url`, without a slash at its end."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def serve(arguments: Sequence[str | Path] = (), product: Path = ROOT) -> Iterator[RunningServer]:
    """Run `python -m edge_server` on a free port of this machine until the block ends.

    product: the folder that has the packages.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "PYTHON"))}
    command = [DEVICE_PYTHON, "-m", "edge_server", "--port", "0", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(command, cwd=product, stderr=stream, env=environment)
        try:
            yield RunningServer(_wait_for_address(process, log), process, log)
        finally:
            process.terminate()
            try:
                status = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        assert status == 0, log.read_text()


def _wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        found = re.search(r"url=(http://\S+)/", log.read_text())
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def run_server() -> Callable[..., contextlib.AbstractContextManager[RunningServer]]:
    """serve(), for tests that choose the arguments."""
    return serve


@pytest.fixture(scope="session")
def digits_server() -> Iterator[RunningServer]:
    """The bundled model with the demo camera."""
    with serve() as server:
        yield server


@pytest.fixture(scope="session")
def prometheus_programs() -> dict[str, str]:
    """promtool and prometheus, by name, of Debian's package."""
    found = {name: shutil.which(name) for name in ("promtool", "prometheus")}
    if None in found.values():
        missing("prometheus", "needs Prometheus: apt-get install prometheus")
    return {name: path for name, path in found.items() if path}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, the system's own."""
    with chromium() as made:
        yield made


@pytest.fixture
def chromium_page(browser: Any) -> Iterator[Any]:
    """A new page, the size of the Pi's touch display; `console_errors` holds what it complained."""
    context = browser.new_context(viewport={"width": 1024, "height": 600}, locale="en-GB")
    page = context.new_page()
    page.console_errors = []
    page.on("console", lambda m: page.console_errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.console_errors.append(str(error)))
    yield page
    context.close()
