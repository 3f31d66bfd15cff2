"""Watches a stream as many viewers, in one thread, so that it takes little from the server.

    python watch.py HOST PORT PATH

Reads lines `VIEWERS SECONDS` from standard input; after a second to begin, for each writes a JSON
line: {"frames": [of each viewer], "ages_ms": [...]}. How old a frame is comes from the picture
itself (v4l2_device.c), not from what a server says of it: of JPEGs that were passed through from
every one, of those that were encoded from every tenth, since those have to be decoded.
"""

from __future__ import annotations

import io
import json
import selectors
import socket
import sys
import time
from typing import Any

import numpy as np
from PIL import Image

_COMMENT = b"\xff\xd8\xff\xfe\x00\x12"
_SETTLE = 1.0


class Viewer:
    """One connection, and what of a part has come."""

    def __init__(self, address: tuple[str, int], path: str) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.frames = 0
        self._bytes = bytearray()
        self._length = 0

    def receive(self, ages: list[float]) -> None:
        """Take what is there; the age of each picture that is complete goes into `ages`."""
        data = self.socket.recv(2**20)
        if not data:
            raise ConnectionError("the server ended a stream")
        self._bytes += data
        while True:
            if not self._length:
                end = self._bytes.find(b"\r\n\r\n")
                if end < 0:
                    return
                head = bytes(self._bytes[:end]).lower()
                del self._bytes[: end + 4]
                if b"content-length: " not in head:  # the answer's own
                    continue
                self._length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(self._bytes) < self._length:
                return
            jpeg = bytes(self._bytes[: self._length])
            del self._bytes[: self._length]
            self._length = 0
            self.frames += 1
            if jpeg.startswith(_COMMENT) or not self.frames % 10:
                ages.append((time.monotonic_ns() - due(jpeg)) / 1e6)


def due(jpeg: bytes) -> int:
    """When the picture was due, in ns of CLOCK_MONOTONIC."""
    if jpeg.startswith(_COMMENT):
        return int(jpeg[6:22], 16)
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("L", (image.width // 8, image.height // 8))
        squares = np.asarray(image.convert("L"))[:2, :128].astype(int)
    bits = squares.reshape(2, 64, 2).mean(axis=(0, 2)) > 128
    return int("".join("01"[int(bit)] for bit in bits), 2)


def run(address: tuple[str, int], path: str, count: int, seconds: float) -> Any:
    ages: list[float] = []
    with selectors.DefaultSelector() as selector:
        viewers = [Viewer(address, path) for _ in range(count)]
        for viewer in viewers:
            selector.register(viewer.socket, selectors.EVENT_READ, viewer)
        begin = time.monotonic() + _SETTLE
        started = False
        while (now := time.monotonic()) < begin + seconds:
            if not started and now >= begin:
                started = True
                print("begin", flush=True)
                ages.clear()
                for viewer in viewers:
                    viewer.frames = 0
            for key, _ in selector.select(0.1):
                key.data.receive(ages)
    for viewer in viewers:
        viewer.socket.close()
    return {"frames": [viewer.frames for viewer in viewers], "ages_ms": sorted(ages)}


def main() -> None:
    host, port, path = sys.argv[1:]
    for line in sys.stdin:
        count, seconds = line.split()
        print(json.dumps(run((host, int(port)), path, int(count), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
