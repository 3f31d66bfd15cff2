"""An RTSP camera that a test starts, kills, and starts again on the same port."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tools import ended, missing

_PYTHON = "/usr/bin/python3"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_NEEDS = (
    "needs GStreamer's RTSP server: apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi "
    "gstreamer1.0-plugins-{base,good,bad,ugly}"
)
ROUND = 4.0


class RtspCamera:
    """One running server; options are those of rtsp_server.py."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self.port = 0
        self.start()

    def start(self) -> None:
        self._server = subprocess.Popen(
            [_PYTHON, str(_SERVER), "--port", str(self.port), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._server.stdout is not None
        self.port = int(self._server.stdout.readline())

    def url(self, credentials: str = "", scheme: str = "rtsp", path: str = "live") -> str:
        return f"{scheme}://{credentials}127.0.0.1:{self.port}/{path}"

    def resize(self, size: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(f"{size}\n")
        self._server.stdin.flush()

    def freeze(self) -> None:
        os.kill(self._server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._server.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._server.kill()
        self._server.communicate()


def age(pixels: npt.NDArray[np.uint8]) -> float:
    """How long ago the server made a picture, in seconds, modulo ROUND and to about 0.05."""
    height, width = pixels.shape[:2]
    made = float(pixels[: height // 3, : width // 3].mean()) / 255.0 * ROUND
    late = (time.monotonic() - made) % ROUND
    # MJPEG has other levels for black and white.
    return 0.0 if late > ROUND - 0.4 else late


@pytest.fixture
def rtsp_camera() -> Iterator[Callable[..., RtspCamera]]:
    """Starts cameras, and ends them with the test."""
    probe = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if subprocess.run([_PYTHON, "-c", probe], capture_output=True, check=False).returncode != 0:
        missing("gstreamer", _NEEDS)
    with ended(RtspCamera) as start:
        yield start
