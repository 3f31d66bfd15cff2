"""The camera of these measurements, and the servers that show it."""

from __future__ import annotations

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SIZE = (1280, 720)
FPS = 30
QUALITY = 80
PORTS = {"ustreamer": 18201, "edge-server": 18202}
PICTURES = 8


@dataclass(frozen=True)
class Device:
    """The camera: its path, what a server needs in its environment, bytes of a JPEG."""

    path: Path
    environment: dict[str, str]
    jpeg_bytes: int


@contextlib.contextmanager
def device() -> Iterator[Device]:
    """Compiles it, and makes its pictures."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        library, path = folder / "v4l2_device.so", folder / "video0"
        source = str(HERE / "v4l2_device.c")
        subprocess.run(
            ["gcc", "-O2", "-fPIC", "-shared", source, "-o", str(library), "-ldl"], check=True
        )
        path.touch()
        length = make_pictures(folder / "pictures")
        environment = {
            "LD_PRELOAD": str(library),
            "VIDEO_DEVICE": str(path),
            "VIDEO_FRAMES": str(folder / "pictures"),
            "VIDEO_SIZE": f"{SIZE[0]}x{SIZE[1]}",
            "VIDEO_FPS": str(FPS),
        }
        yield Device(path, environment, length)


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


def commands(device: Path, pixel_format: str, viewers: int) -> dict[str, list[str]]:
    """How each server is started."""
    size = f"{SIZE[0]}x{SIZE[1]}"
    passes = pixel_format == "MJPG"
    ustreamer = ["ustreamer", "--device", str(device), "--resolution", size]
    ustreamer += ["--desired-fps", str(FPS), "--port", str(PORTS["ustreamer"])]
    ustreamer += ["--format", "MJPEG" if passes else "YUYV"]
    ustreamer += ["--encoder", "HW" if passes else "CPU", "--quality", str(QUALITY)]
    camera = f"usb:{device}?size={size}&fps={FPS}&format={pixel_format}"
    ours = [sys.executable, "-m", "edge_server", "--port", str(PORTS["edge-server"])]
    ours += ["--camera", camera, "--viewers", str(viewers), "--log-level", "error"]
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
