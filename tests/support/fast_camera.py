"""A camera in the network that sends Motion JPEG as fast as it is told to, and can be off."""

from __future__ import annotations

import io
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image


def _pictures(count: int, size: tuple[int, int], grains: tuple[int, int]) -> list[bytes]:
    """JPEGs that differ; the more grains, the more bytes."""
    noise = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = Image.fromarray(noise.integers(0, 256, (grains[1], grains[0], 3), np.uint8))
        stream = io.BytesIO()
        coarse.resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=80)
        made.append(stream.getvalue())
    return made


class FastCamera(ThreadingHTTPServer):
    """Listens at `url` from the beginning; `switch_off()` ends streams and refuses new ones."""

    daemon_threads = True

    def __init__(
        self,
        fps: float = 30.0,
        size: tuple[int, int] = (640, 480),
        grains: tuple[int, int] = (32, 24),
    ) -> None:
        camera, pictures = self, _pictures(16, size, grains)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not camera.on:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
                self.end_headers()
                number = 0
                next_at = time.monotonic()
                while camera.on:
                    jpeg = pictures[number % len(pictures)]
                    head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    number += 1
                    next_at = max(next_at + 1 / fps, time.monotonic() - 1)
                    time.sleep(max(0.0, next_at - time.monotonic()))
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        self.on = True
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/stream"

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
