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
import contextlib
import io
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SIZE = (1280, 720)
FPS = 30
QUALITY = 80
VIEWERS = (1, 5, 20)
PORTS = {"ustreamer": 18201, "edge-server": 18202}
PICTURES = 8


def make_pictures(target: Path) -> int:
    """Writes what the device gives; returns how many bytes a JPEG has, in the mean."""
    noise = np.random.default_rng(0)
    width, height = SIZE
    lengths = []
    with (
        target.with_suffix(".MJPG").open("wb") as mjpg,
        target.with_suffix(".YUYV").open("wb") as yuyv,
    ):
        for _ in range(PICTURES):
            coarse = noise.integers(0, 256, (height // 24, width // 24, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
            stream = io.BytesIO()
            picture.save(stream, "JPEG", quality=QUALITY)
            jpeg = stream.getvalue()
            jpeg = jpeg[:2] + b"\xff\xfe\x00\x12" + b"0" * 16 + jpeg[2:]
            lengths.append(len(jpeg))
            mjpg.write(struct.pack("<I", len(jpeg)) + jpeg)
            planes = np.asarray(picture.convert("YCbCr"))
            packed = np.empty((height, width, 2), np.uint8)
            packed[..., 0] = planes[..., 0]
            packed[:, 0::2, 1], packed[:, 1::2, 1] = planes[:, 0::2, 1], planes[:, 0::2, 2]
            yuyv.write(struct.pack("<I", packed.nbytes) + packed.tobytes())
    return round(statistics.mean(lengths))


def commands(device: Path, pixel_format: str) -> dict[str, list[str]]:
    """How each server is started."""
    size = f"{SIZE[0]}x{SIZE[1]}"
    passes = pixel_format == "MJPG"
    ustreamer = ["ustreamer", "--device", str(device), "--resolution", size]
    ustreamer += ["--desired-fps", str(FPS), "--port", str(PORTS["ustreamer"])]
    ustreamer += ["--format", "MJPEG" if passes else "YUYV"]
    ustreamer += ["--encoder", "HW" if passes else "CPU", "--quality", str(QUALITY)]
    camera = f"usb:{device}?size={size}&fps={FPS}&format={pixel_format}"
    ours = [sys.executable, "-m", "edge_server", "--port", str(PORTS["edge-server"])]
    ours += ["--camera", camera, "--viewers", str(max(VIEWERS)), "--log-level", "error"]
    return {"ustreamer": ustreamer, "edge-server": ours}


@contextlib.contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Any]:
    """A server whose camera is on."""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            end = time.monotonic() + 30
            while not is_online(port):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"{command[0]} gives no pictures: run {' '.join(command)}")
                time.sleep(0.1)
            yield process
        finally:
            process.terminate()


def state(port: int) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/state", timeout=5) as answer:
        return json.load(answer)["result"]


def is_online(port: int) -> bool:
    try:
        return bool(state(port)["source"]["online"])
    except OSError:
        return False


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
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        library, device = folder / "v4l2_device.so", folder / "video0"
        source = str(HERE / "v4l2_device.c")
        compile_ = ["gcc", "-O2", "-fPIC", "-shared", source, "-o", str(library), "-ldl"]
        subprocess.run(compile_, check=True)
        device.touch()
        length = make_pictures(folder / "pictures")
        environment = {
            "LD_PRELOAD": str(library),
            "VIDEO_DEVICE": str(device),
            "VIDEO_FRAMES": str(folder / "pictures"),
            "VIDEO_SIZE": f"{SIZE[0]}x{SIZE[1]}",
            "VIDEO_FPS": str(FPS),
        }
        found: dict[tuple[str, str, int], list[dict[str, float]]] = {}
        encoders = {}
        for number in range(options.rounds):
            for pixel_format in ("MJPG", "YUYV"):
                for name, command in commands(device, pixel_format).items():
                    with running(command, PORTS[name], environment) as process:
                        encoders[pixel_format, name] = state(PORTS[name])["encoder"]["type"]
                        for count in VIEWERS:
                            row = measure(process, PORTS[name], count, options.seconds)
                            found.setdefault((pixel_format, name, count), []).append(row)
                    print(f"round {number + 1}: {pixel_format} {name}", file=sys.stderr)
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
