"""Prometheus itself, from Debian's package: promtool, and the server on a running edge server."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0


class Prometheus:
    """A Prometheus that scrapes one target every second."""

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; an error of it is raised."""
        address = f"{self._url}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(address, timeout=20) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def wait_for(self, expression: str) -> list[dict[str, Any]]:
        """The same, once it is not empty."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError):  # it has not begun to listen
                found = self.query(expression)
                if found:
                    return found
            time.sleep(0.2)
        raise AssertionError(f"Prometheus has nothing for {expression}")


@contextlib.contextmanager
def scraping(program: str, target: str) -> Iterator[Prometheus]:
    """Run Prometheus on a target, host:port, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {"job_name": "edge-server", "static_configs": [{"targets": [target]}]},
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prometheus.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        command = [
            *(program, f"--config.file={file}", f"--storage.tsdb.path={folder}/data"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        ]
        process = subprocess.Popen(command, cwd=folder)
        try:
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(20)
