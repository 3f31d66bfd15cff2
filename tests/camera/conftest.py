"""A source for the faults that no real part makes on demand, and patience for threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from camera import looks, pictures
from camera.backoff import Backoff
from camera.frame import Pixels
from camera.grabber import Grabber
from camera.jpeg import encode_rgb
from camera.sources.source import Source
from ffmpeg_camera import ffmpeg, ffmpeg_camera
from rtsp_camera import rtsp_camera

__all__ = ["ffmpeg", "ffmpeg_camera", "rtsp_camera"]

Play = Callable[[int, int], Pixels]


class PlayedSource:
    """Reads are played by `play(attempt, number)`, both from 1; copies share the log."""

    def __init__(self, play: Play, on_open: Callable[[int], None] | None = None) -> None:
        self.play = play
        self.on_open = on_open
        self.attempts: list[str] = []
        self.closed: list[int] = []
        self.threads: list[int] = []
        self.attempt = 0
        self.number = 0

    def open(self) -> None:
        self.attempts.append("opened")
        self.attempt, self.number = len(self.attempts), 0
        self.threads.append(threading.get_ident())
        if self.on_open:
            self.on_open(self.attempt)

    def read(self) -> Pixels:
        self.number += 1
        time.sleep(0.01)
        return self.play(self.attempt, self.number)

    def close(self) -> None:
        self.closed.append(self.attempt)

    def describe(self) -> str:
        return "played"


def _gray(value: int, size: tuple[int, int] = (64, 48)) -> Pixels:
    return np.full((size[1], size[0], 3), value, np.uint8)


def _until(condition: Callable[[], object], patience: float = 15.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def gray() -> Callable[..., Pixels]:
    """A picture of one shade."""
    return _gray


@pytest.fixture
def encodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of the pictures that are encoded, by the real encoder."""
    shapes: list[tuple[int, ...]] = []

    def counted(pixels: Pixels, quality: int) -> bytes:
        shapes.append(pixels.shape)
        return encode_rgb(pixels, quality)

    for module in (pictures, looks):
        monkeypatch.setattr(module, "encode_rgb", counted)
    return shapes


@pytest.fixture
def until() -> Callable[..., None]:
    """Waits for a condition, with patience."""
    return _until


@pytest.fixture
def played() -> type[PlayedSource]:
    return PlayedSource


@pytest.fixture
def hang() -> Iterator[Callable[[], None]]:
    """Blocks for ever, that is until the test is over."""
    over = threading.Event()
    yield lambda: over.wait(60) and None
    over.set()


@pytest.fixture
def grab() -> Iterator[Callable[..., Grabber]]:
    """Starts a grabber with patient deadlines and short pauses, and stops it after the test."""
    grabbers: list[Grabber] = []

    def start(source: Source, **settings: object) -> Grabber:
        usual = {
            "stall_after": 10.0,
            "lost_after": 20.0,
            "open_timeout": 30.0,
            "backoff": Backoff(first=0.05, longest=0.1),
        }
        grabber = Grabber(source, **(usual | settings))  # type: ignore[arg-type]
        grabbers.append(grabber)
        grabber.start()
        return grabber

    yield start
    for grabber in grabbers:
        grabber.stop()
