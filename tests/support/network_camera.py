"""A camera in the network that sends Motion JPEG at a steady rate, and can be off or silent."""

from __future__ import annotations

import io
import itertools
import struct
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image


def noise(size: tuple[int, int] = (640, 480), grains: tuple[int, int] = (32, 24)) -> list[bytes]:
    """Sixteen JPEGs that differ; the more grains, the more bytes."""
    random = np.random.default_rng(0)
    return [
        _jpeg(
            Image.fromarray(random.integers(0, 256, (grains[1], grains[0], 3), np.uint8)).resize(
                size, Image.Resampling.BICUBIC
            )
        )
        for _ in range(16)
    ]


def weighed(size: tuple[int, int], bytes_each: int) -> list[bytes]:
    """A dark and a light JPEG of at least so many bytes, which are in comments: quick to decode."""
    made = []
    for shade in (40, 200):
        data = _jpeg(Image.new("RGB", size, (shade,) * 3))
        while len(data) < bytes_each:
            length = min(60_000, bytes_each - len(data)) + 2
            data = data[:2] + b"\xff\xfe" + struct.pack(">H", length) + bytes(length - 2) + data[2:]
        made.append(data)
    return made


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()


FRAMES_A_SECOND = 30


class NetworkCamera(ThreadingHTTPServer):
    """Listens at `url` from the beginning until end(), and sends the pictures in turn.

    switch_off() ends streams and refuses new ones; while `silent` is set, streams stay open and
    nothing comes.
    """

    daemon_threads = True

    def __init__(self, pictures: Sequence[bytes], fps: float = FRAMES_A_SECOND) -> None:
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.on:
                    self.send_response(200)
                    self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
                    self.end_headers()
                    camera.send(self.wfile)
                    self.close_connection = True
                else:
                    self.send_error(503)

            def log_message(self, *_: Any) -> None:
                pass

        self.pictures, self.fps = pictures, fps
        self.on, self.silent = True, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/stream"

    def send(self, stream: Any) -> None:
        """What a reader gets, until this is switched off or the reader leaves."""
        turns = itertools.cycle(self.pictures)
        due = time.monotonic()
        while self.on:
            if not self.silent.is_set():
                jpeg = next(turns)
                head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                stream.write(head.encode() + jpeg + b"\r\n")
            due = max(due + 1 / self.fps, time.monotonic() - 1)
            time.sleep(max(0.0, due - time.monotonic()))

    def handle_error(self, request: Any, address: Any) -> None:
        """A reader that leaves is no error."""

    def switch_off(self) -> None:
        self.on = False

    def switch_on(self) -> None:
        self.on = True

    def end(self) -> None:
        self.on = False
        self.shutdown()
        self.socket.close()
