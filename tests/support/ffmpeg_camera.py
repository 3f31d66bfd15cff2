"""A network camera that is ffmpeg: it sends a test picture as MJPEG to the one client it takes."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest

from tools import ended, missing

_NEEDS = "needs ffmpeg: apt-get install ffmpeg"
# ffmpeg's muxer ends each part with this boundary.
_TYPE = "multipart/x-mixed-replace;boundary=ffmpeg"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class FfmpegCamera:
    """One ffmpeg that waits for its client; it may be ended and started again on its port."""

    def __init__(self, size: str = "320x240", rate: int = 10) -> None:
        self.port = free_port()
        self._running: subprocess.Popen[bytes] | None = None
        self.start(size, rate)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/live.mjpg"

    def start(self, size: str, rate: int = 10) -> None:
        picture = f"testsrc2=size={size}:rate={rate}"
        command = (
            f"ffmpeg -loglevel quiet -re -f lavfi -i {picture} -c:v mjpeg -q:v 3 "
            f"-f mpjpeg -content_type {_TYPE} -listen 1 {self.url}"
        )
        self._running = subprocess.Popen(command.split(), stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()


@pytest.fixture
def ffmpeg() -> str:
    """The program."""
    found = shutil.which("ffmpeg")
    if found is None:
        missing("ffmpeg", _NEEDS)
    return str(found)


@pytest.fixture
def ffmpeg_camera(ffmpeg: str) -> Iterator[Callable[..., FfmpegCamera]]:
    """Starts cameras, and ends them with the test."""
    with ended(FfmpegCamera) as start:
        yield start
