"""What live answers cost: processor time on a still scene, and the time of uploads beside them.

    PYTHONPATH=. python tests/bench/live_cost.py PHOTOS [--turns N] [-- OPTIONS OF THE SERVER]

One server; a follower of /camera/events comes and goes, turn by turn, so that what else the
machine does concerns both alike. PHOTOS is a folder of JPEGs, which are sent; the camera shows the
first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

CLIENT = Path(__file__).parent / "serving" / "load_client.py"
CONCURRENCY = (1, 4)
SECONDS = 4.0
SETTLING = 2.0


class Server:
    """A server in a process of its own, on a free port."""

    def __init__(self, folder: Path, options: list[str]) -> None:
        self._log = folder / "server.log"
        command = [sys.executable, "-m", "edge_server", "--port", "0", *options]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)
        while not (found := re.search(r"url=http://127\.0\.0\.1:(\d+)/", self._log.read_text())):
            if self.process.poll() is not None:
                raise SystemExit(self._log.read_text())
            time.sleep(0.05)
        self.port = int(found[1])

    @property
    def processor_seconds(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def answers(self) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.search(r"^edge_live_answers_total (\S+)", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @contextmanager
    def followed(self) -> Iterator[None]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", "/camera/events")
        answer = connection.getresponse()
        try:
            yield
        finally:
            answer.close()
            connection.close()


def share(server: Server) -> tuple[float, float]:
    """Of one core, and answers a second."""
    time.sleep(SETTLING)
    cpu, answers, start = server.processor_seconds, server.answers, time.monotonic()
    time.sleep(SECONDS)
    passed = time.monotonic() - start
    return (server.processor_seconds - cpu) / passed, (server.answers - answers) / passed


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("photos", type=Path)
    options.add_argument("--turns", type=int, default=8)
    given = sys.argv[1:]
    split = given.index("--") if "--" in given else len(given)
    chosen, of_server = options.parse_args(given[:split]), given[split + 1 :]
    photos = sorted(chosen.photos.rglob("*.jpg"))[:50]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "camera").mkdir()
        shutil.copy(photos[0], folder / "camera" / "a.jpg")
        server = Server(folder, [*of_server, "--camera", f"folder:{folder / 'camera'}"])
        client = subprocess.Popen(
            [sys.executable, str(CLIENT), "127.0.0.1", str(server.port), *map(str, photos)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            measure(server, client, chosen.turns)
        finally:
            for process in (client, server.process):
                process.terminate()
                process.wait()


def measure(server: Server, client: Any, turns: int) -> None:
    def load(concurrency: int) -> list[float]:
        client.stdin.write(f"{concurrency} {SECONDS}\n")
        client.stdin.flush()
        return json.loads(client.stdout.readline())["ms"]

    idle, _ = share(server)
    with server.followed():
        busy, rate = share(server)
    print(f"still scene: {100 * (busy - idle):.1f} % of one core, {rate:.1f} answers a second")
    for concurrency in CONCURRENCY:
        alone, beside, rates = [], [], []
        for _ in range(turns):
            alone.append(load(concurrency))
            with server.followed():
                before = server.answers
                beside.append(load(concurrency))
                rates.append((server.answers - before) / SECONDS)
        for place, which in ((0, "p50"), (2, "p99")):
            ratio = median(b[place] / a[place] for a, b in zip(alone, beside, strict=True))
            print(
                f"{concurrency} uploads at once, {which}: {median(a[place] for a in alone):.1f} ms "
                f"alone, {median(b[place] for b in beside):.1f} ms beside {median(rates):.1f} live "
                f"answers a second; median of the turns' ratios {ratio:.2f}"
            )


if __name__ == "__main__":
    main()
