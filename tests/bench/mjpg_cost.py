"""What a camera's MJPG costs from the camera to a viewer: milliseconds of processor a picture.

    PYTHONPATH=. python tests/bench/mjpg_cost.py [PHOTO.jpg] [--rounds N]

Handing its JPEG on, beside decoding it to pixels and encoding them again for viewers, turn by turn
in one run. Without a photo: noise on a gradient, of 1280x720. Processor time of all threads,
medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from camera.jpeg import encode_rgb, read_jpeg
from camera.sources.opencv import rgb_from_bgr


def milliseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def synthetic() -> bytes:
    ramp = np.linspace(0, 220, 1280)[None, :, None] * np.linspace(0.3, 1, 720)[:, None, None]
    noise = np.random.default_rng(0).integers(0, 30, (720, 1280, 3))
    return encode_rgb((ramp + noise).astype(np.uint8), 90)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("photo", nargs="?", type=Path)
    options.add_argument("--rounds", type=int, default=200)
    chosen = options.parse_args()
    data = chosen.photo.read_bytes() if chosen.photo else synthetic()
    picture = read_jpeg(data)
    if picture is None:
        options.error("that is no whole JPEG")

    ways: dict[str, Callable[[], object]] = {
        "handed on": lambda: read_jpeg(data),
        "handed on, and decoded once for a classifier": lambda: read_jpeg(data).decode(),
        "decoded, and encoded for viewers": lambda: encode_rgb(
            rgb_from_bgr(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
        ),
    }
    measured: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, work in ways.items():
            measured[name].append(milliseconds(work))
    print(f"{picture.size[0]}x{picture.size[1]}, {len(data) / 1000:.0f} kB, {chosen.rounds} rounds")
    for name, times in measured.items():
        print(f"  {statistics.median(times):7.3f} ms  {name}")


if __name__ == "__main__":
    main()
