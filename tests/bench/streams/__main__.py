"""This server's stream beside ustreamer's: processor, frames delivered, age of frames at viewers.

    scripts/bench-streams [--rounds N] [--seconds S]

Both read the same camera, one after the other, in each round: v4l2_device.c, LD_PRELOADed into
either, is a V4L2 device that gives pictures of 1280x720, 30 a second, as MJPG (which both pass on
as they are) or as YUYV (which both encode, with quality 80). What it costs to fill the device's
buffers, which a camera does by itself, is in the processor time of both. The viewers run on the
same machine, in one process, and read as fast as they can; the age of a frame is from when it was
due to when a viewer has all of it, read from a mark in the picture.

ustreamer comes from Debian's package; gcc is needed. Writes a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from camera_device import FPS, HERE, PORTS, commands, device, running, state

VIEWERS = (1, 5, 20)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(process: Any, port: int, count: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, str(HERE / "watch.py"), "127.0.0.1", str(port), "/stream"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as watch:
        assert watch.stdin and watch.stdout
        watch.stdin.write(f"{count} {seconds}\n")
        watch.stdin.flush()
        watch.stdout.readline()
        cpu, begin = processor_seconds(process.pid), time.monotonic()
        seen = json.loads(watch.stdout.readline())
        cpu, took = processor_seconds(process.pid) - cpu, time.monotonic() - begin
        watch.stdin.close()
    ages = seen["ages_ms"]
    return {
        "cpu": 100 * cpu / took,
        "fps": statistics.mean(seen["frames"]) / seconds,
        "least": min(seen["frames"]) / seconds,
        "age": statistics.median(ages),
        "age95": ages[int(0.95 * (len(ages) - 1))],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/bench-streams",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    options = parser.parse_args()
    with device() as camera:
        found: dict[tuple[str, str, int], list[dict[str, float]]] = {}
        encoders = {}
        for number in range(options.rounds):
            for pixel_format in ("MJPG", "YUYV"):
                started = commands(camera.path, pixel_format, max(VIEWERS))
                for name, command in started.items():
                    with running(command, PORTS[name], camera.environment) as process:
                        encoders[pixel_format, name] = state(PORTS[name])["encoder"]["type"]
                        for count in VIEWERS:
                            row = measure(process, PORTS[name], count, options.seconds)
                            found.setdefault((pixel_format, name, count), []).append(row)
                    print(f"round {number + 1}: {pixel_format} {name}", file=sys.stderr)
        length = camera.jpeg_bytes
    report(found, encoders, length)


def report(found: Any, encoders: Any, length: int) -> None:
    print(f"JPEGs of {length // 1000} kB, {FPS} a second; {os.cpu_count()} cores; medians\n")
    print(
        "| camera gives | server | viewers | CPU, % of a core | frames/s a viewer (least) | "
        "age, ms (95 %) |"
    )
    print("|---|---|---:|---:|---:|---:|")
    for (pixel_format, name, count), rows in found.items():
        of = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        does = "passed through" if encoders[pixel_format, name] == "HW" else "encoded"
        print(
            f"| {pixel_format}, {does} | {name} | {count} | {of['cpu']:.1f} | {of['fps']:.1f} "
            f"({of['least']:.1f}) | {of['age']:.0f} ({of['age95']:.0f}) |"
        )


if __name__ == "__main__":
    main()
