"""The server beside the in-process limit, in one run, turn by turn.

    scripts/bench MODEL.tflite PHOTO [PHOTO ...] [--rounds 7] [--seconds 2] [-- SERVER OPTIONS]

In each round the server is asked at concurrency 1, 4 and 16, by a client in a process of its own
over kept-alive connections with the bytes of the photos. Before and after each of them comes the
limit: decode, resize, invoke and top-k without HTTP, in one thread beside concurrency 1, in as many
threads as cores beside the others. A machine that others share changes its speed from second to
second, so each is compared with the mean of its two neighbours. Prints the median over the rounds
of throughput, of that share, of latency and processor time a picture, and the memory of the
server's process tree (PSS).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CONCURRENCY = (1, 4, 16)
START_SECONDS = 60.0
TICK = os.sysconf("SC_CLK_TCK")

Row = dict[str, Any]  # what a helper has measured


@dataclass
class Turn:
    """The server's, and the limit's just before and just after it."""

    server: Row
    limit: tuple[Row, Row]

    def beside(self, of: Callable[[Row], float]) -> float:
        """The mean of the limit's."""
        return statistics.mean(map(of, self.limit))


class Helper:
    """A process that answers each line with a line of JSON."""

    def __init__(self, *command: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def ask(self, *words: Any) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("A helper of the benchmark ended: see its message above.")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


@contextlib.contextmanager
def server(options: Sequence[str]) -> Iterator[tuple[subprocess.Popen[bytes], str, int]]:
    """`python -m edge_server` on a free port: the process, and its address."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_server", "--port", "0", *options], cwd=ROOT, stderr=log
        )
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                log.seek(0)
                said = log.read().decode()
                found = re.search(r"url=https?://([\d.]+):(\d+)", said)
                if found:
                    break
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"The server did not start:\n{said}")
                time.sleep(0.05)
            yield process, found[1], int(found[2])
        finally:
            process.terminate()
            process.wait(30)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in tree(int(child)))]


def pss(pid: int) -> float:
    """Proportional set size of the process tree, MB."""
    kilobytes = 0
    for process in tree(pid):
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        kilobytes += int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])
    return kilobytes * 1024 / 1e6


def processor_seconds(pid: int) -> float:
    total = 0
    for process in tree(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def main() -> None:
    options = parse()
    cores = len(os.sched_getaffinity(0))
    rounds: list[dict[int, Turn]] = []
    with server(["--model", str(options.model), "--camera", "none", *options.server]) as started:
        process, host, port = started
        idle = pss(process.pid)
        limit = Helper(HERE / "limit.py", options.model, *options.photos)
        client = Helper(HERE / "load_client.py", host, port, *options.photos)
        for number in range(options.rounds + 1):
            # The first round warms up; it is shorter, and forgotten.
            seconds = options.seconds if number else min(1.0, options.seconds)
            turns: dict[int, Turn] = {}
            for count in CONCURRENCY:
                threads = min(count, cores)
                before = limit.ask(threads, seconds)
                spent = processor_seconds(process.pid)
                row = client.ask(count, seconds)
                row["cpu"] = processor_seconds(process.pid) - spent
                turns[count] = Turn(row, (before, limit.ask(threads, seconds)))
            if number:
                rounds.append(turns)
                print(f"\rround {number} of {options.rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        # By itself: what others have in memory of the same libraries would count for less.
        client.close()
        limit.close()
        after = pss(process.pid)
    report(rounds, cores)
    print(f"memory (PSS): {idle:.0f} MB at start, {after:.0f} MB after the load")


def report(rounds: list[dict[int, Turn]], cores: int) -> None:
    def rate(row: Row) -> float:
        return float(row["answers"] / row["seconds"])

    def cpu(row: Row) -> float:
        return float(1e3 * row["cpu"] / row["answers"])

    def p50(row: Row) -> float:
        return float(row["ms"][0])

    def p99(row: Row) -> float:
        return float(row["ms"][2])

    def median(of: Callable[[Turn], float], count: int) -> float:
        return statistics.median(of(turns[count]) for turns in rounds)

    def share(turn: Turn) -> float:
        return rate(turn.server) / turn.beside(rate)

    print(f"{len(rounds)} rounds, {cores} cores; medians\n")
    print("                      images/s  of limit     p50     p99  cpu ms an image")
    for count, name in ((1, "limit, 1 thread"), (max(CONCURRENCY), f"limit, {cores} threads")):
        numbers = [median(lambda turn, of=of: turn.beside(of), count) for of in (rate, p50, cpu)]
        print("{:20}  {:8.1f}            {:6.2f}          {:6.2f}".format(name, *numbers))
    for count in CONCURRENCY:
        numbers = [median(share, count)]
        numbers += [median(lambda turn, of=of: of(turn.server), count) for of in (p50, p99, cpu)]
        print(
            f"server, {count:2} at once    {median(lambda turn: rate(turn.server), count):8.1f}    "
            "{:6.2f}  {:6.2f}  {:6.2f}          {:6.2f}".format(*numbers)
        )
    best = max(median(share, count) for count in CONCURRENCY if count > 1)
    longer = median(lambda turn: p50(turn.server) - turn.beside(p50), 1)
    other = sum(turn.server["other"] for turns in rounds for turn in turns.values())
    print(f"\nshare of the limit at its best concurrency: {best:.2f}")
    print(f"longer than the limit at concurrency 1: {longer:+.2f} ms")
    print(f"answers other than 200: {other}")


def parse() -> Any:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    arguments, server_options = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, server_options = arguments[:cut], arguments[cut + 1 :]
    options = parser.parse_args(arguments)
    options.model = options.model.resolve()
    options.photos = [photo.resolve() for photo in options.photos]
    options.server = server_options
    return options


if __name__ == "__main__":
    main()
