"""How fast /healthz and /predict answer with and without viewers of the stream, turn by turn.

    python tests/bench/streams/predictions.py [--rounds N] [--seconds S] [--viewers N]

The camera is that of the comparison with ustreamer: 1280x720, 30 pictures a second, as MJPG and as
YUYV. One client asks for both in turn, with a picture of the camera, a hundred times a second at
most. The viewers run on the same machine and take from its processors what the server then lacks,
so what is told is above what a viewer elsewhere costs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection

from camera_device import HERE, PORTS, commands, device, running

_PORT = PORTS["edge-server"]
_INTERVAL = 0.01
Times = dict[str, list[float]]


@contextlib.contextmanager
def viewers(count: int, seconds: float) -> Iterator[None]:
    """So many, for as long as the block lasts."""
    if not count:
        yield
        return
    command = [sys.executable, str(HERE / "watch.py"), "127.0.0.1", str(_PORT), "/stream"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        assert p.stdin and p.stdout
        p.stdin.write(f"{count} {seconds + 1}\n")
        p.stdin.flush()
        p.stdout.readline()
        yield
        frames = json.loads(p.stdout.readline())["frames"]
        assert min(frames) > 0, "a viewer saw nothing"
        p.stdin.close()


def ask(picture: bytes, seconds: float) -> Times:
    """Milliseconds of each answer."""
    connection = HTTPConnection("127.0.0.1", _PORT, timeout=30)
    times: Times = {"/healthz": [], "/predict": []}
    due = end = time.perf_counter()
    end += seconds
    while time.perf_counter() < end:
        for path, taken in times.items():
            body = picture if path == "/predict" else None
            due += _INTERVAL
            time.sleep(max(0.0, due - time.perf_counter()))
            begin = time.perf_counter()
            connection.request(
                "POST" if body else "GET", path, body, {"Content-Type": "image/jpeg"}
            )
            answer = connection.getresponse()
            answer.read()
            taken.append(1e3 * (time.perf_counter() - begin))
            assert answer.status == 200, answer.status
    connection.close()
    return times


def share(times: list[float], of: float) -> float:
    return sorted(times)[int(of * (len(times) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--viewers", type=int, default=8)
    options = parser.parse_args()
    found: dict[tuple[str, str, int], list[list[float]]] = {}
    with device() as camera:
        for pixel_format in ("MJPG", "YUYV"):
            command = commands(camera.path, pixel_format, options.viewers)["edge-server"]
            with running(command, _PORT, camera.environment):
                picture = snapshot()
                ask(picture, 1)
                for number in range(options.rounds):
                    for count in (0, options.viewers):
                        with viewers(count, options.seconds):
                            times = ask(picture, options.seconds)
                        for path, taken in times.items():
                            found.setdefault((pixel_format, path, count), []).append(taken)
                    print(f"round {number + 1}: {pixel_format}", file=sys.stderr)
    report(found, options.viewers)


def snapshot() -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{_PORT}/snapshot", timeout=10) as answer:
        return bytes(answer.read())


def report(found: dict[tuple[str, str, int], list[list[float]]], count: int) -> None:
    print(f"ms without viewers, with {count}, and the ratio; medians of the rounds\n")
    print("| camera gives | asked | p50 | p99 |")
    print("|---|---|---:|---:|")
    for pixel_format, path in dict.fromkeys((f, p) for f, p, _ in found):
        row = f"| {pixel_format} | {path} |"
        for part in (0.5, 0.99):
            alone = [share(taken, part) for taken in found[pixel_format, path, 0]]
            watched = [share(taken, part) for taken in found[pixel_format, path, count]]
            a, b = statistics.median(alone), statistics.median(watched)
            ratio = statistics.median(w / o for w, o in zip(watched, alone, strict=True))
            row += f" {a:.1f}, {b:.1f}, {ratio:.2f} |"
        print(row)


if __name__ == "__main__":
    main()
