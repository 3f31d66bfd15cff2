"""`edge-server kiosk` with a real Chromium, which crashes, hangs, or is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools import missing, until

ROOT = Path(__file__).resolve().parents[2]
DEVICE_PYTHON = os.environ.get("EDGE_DEVICE_PYTHON", sys.executable)
# There is no screen here, and tests may run as root.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu")
# The page asks every five seconds.
PATIENCE = 12


class Kiosk:
    """The command, for one server."""

    def __init__(self, server: Any, log: Path) -> None:
        self.server, self._log = server, log
        options = [f"--browser-option={option}" for option in OPTIONS]
        command = [
            *(DEVICE_PYTHON, "-m", "edge_server", "kiosk", f"{server.url}/"),
            *("--patience", str(PATIENCE), *options),
        ]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, cwd=ROOT, stderr=stream)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def browser(self) -> int:
        """The process of the browser that runs now; 0 where there is none."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        found = " ".join(file.read_text() for file in children).split()
        return int(found[0]) if found else 0

    def seen(self) -> str | None:
        """When the server has last heard of the page."""
        with urllib.request.urlopen(f"{self.server.url}/status.json", timeout=10) as answer:
            at: str | None = json.load(answer)["server"]["kiosk_seen_at"]
        return at

    def wait_until_seen(self) -> None:
        """Until the page asks, now and not before."""
        before = self.seen()
        until(lambda: self.seen() != before, seconds=60)


@pytest.fixture(scope="module")
def kiosk(run_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kiosk]:
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        missing("chromium", "needs Chromium: apt-get install chromium")
    with run_server() as server:
        shown = Kiosk(server, tmp_path_factory.mktemp("kiosk") / "log")
        try:
            shown.wait_until_seen()
            yield shown
        finally:
            shown.process.terminate()
            assert shown.process.wait(20) == 0, shown.log


def test_a_server_that_is_gone_for_a_while_is_no_reason(kiosk: Kiosk) -> None:
    # As it is while it is exchanged: the page says so itself, and goes on when it is back.
    first, server = kiosk.browser, kiosk.server.process
    with contextlib.ExitStack() as stack:
        server.send_signal(signal.SIGSTOP)
        stack.callback(server.send_signal, signal.SIGCONT)
        time.sleep(1.5 * PATIENCE)
    kiosk.wait_until_seen()
    assert kiosk.browser == first


def test_a_browser_that_crashes_comes_back(kiosk: Kiosk) -> None:
    first = kiosk.browser
    os.kill(first, signal.SIGSEGV)
    until(lambda: kiosk.browser not in (0, first), seconds=60)
    kiosk.wait_until_seen()
    assert re.search(r'"the browser is started again" reason="it has ended with status', kiosk.log)


def test_a_browser_that_hangs_is_started_anew(kiosk: Kiosk) -> None:
    first = kiosk.browser
    os.killpg(first, signal.SIGSTOP)
    until(lambda: kiosk.browser not in (0, first), seconds=90)
    kiosk.wait_until_seen()
    assert f'reason="nothing was heard of the page for {PATIENCE} s"' in kiosk.log
    with pytest.raises(ProcessLookupError):
        os.killpg(first, 0)
