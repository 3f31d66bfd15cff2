"""A camera in the network at a steady rate, and a viewer of a stream who may be slow."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from contextlib import suppress

from PIL import Image

from camera import mjpeg

FRAMES_A_SECOND = 30


class Camera:
    """A camera in the network: JPEGs of a size and weight, 30 a second, until it is silent."""

    def __init__(self, size, bytes_each):
        self._pictures = [_jpeg(size, bytes_each, shade) for shade in (40, 200)]
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.silent = threading.Event()
        self._stopped = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, suppress(OSError):
                self._send(client)

    def _send(self, client):
        client.recv(4096)
        client.sendall(f"HTTP/1.0 200 OK\r\nContent-Type: {mjpeg.CONTENT_TYPE}\r\n\r\n".encode())
        client.sendall(mjpeg.preamble())
        due = time.monotonic()
        number = 0
        while not self._stopped:
            if not self.silent.is_set():
                client.sendall(mjpeg.part(self._pictures[number % 2], time.time()))
                number += 1
            due += 1 / FRAMES_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))

    def stop(self):
        self._stopped = True
        self._listener.close()


def _jpeg(size, bytes_each, shade):
    stream = io.BytesIO()
    Image.new("RGB", size, (shade,) * 3).save(stream, "JPEG")
    data = stream.getvalue()
    # What a JPEG weighs is in its comments, so that the test's own encoder costs nothing.
    while len(data) < bytes_each:
        length = min(60_000, bytes_each - len(data)) + 2
        data = data[:2] + b"\xff\xfe" + struct.pack(">H", length) + bytes(length - 2) + data[2:]
    return data


class Stream:
    """What a viewer reads, at so many bytes a second."""

    def __init__(self, connection, rate=0.0):
        self.socket = connection
        self.rate = rate
        self._began, self._read = time.monotonic(), 0
        self._rest = b""
        self.head = self._until(b"\r\n\r\n").decode()

    def parts(self):
        assert self._until(b"\r\n") == mjpeg.preamble()
        while True:
            lines = self._until(b"\r\n\r\n").decode().split("\r\n")[:-2]
            fields = dict(line.split(": ", 1) for line in lines)
            jpeg = self._exactly(int(fields["Content-Length"]))
            assert self._until(b"--" + mjpeg.BOUNDARY.encode() + b"\r\n").startswith(b"\r\n--")
            yield fields, jpeg

    def slow_down(self, rate):
        self.rate, self._began, self._read = rate, time.monotonic(), 0

    def _more(self):
        if self.rate:
            time.sleep(max(0.0, self._began + self._read / self.rate - time.monotonic()))
        data = self.socket.recv(4096 if self.rate else 65536)
        assert data, "the stream ended"
        self._read += len(data)
        self._rest += data

    def _until(self, mark):
        while mark not in self._rest:
            self._more()
        end = self._rest.index(mark) + len(mark)
        found, self._rest = self._rest[:end], self._rest[end:]
        return found

    def _exactly(self, count):
        while len(self._rest) < count:
            self._more()
        found, self._rest = self._rest[:count], self._rest[count:]
        return found


def first(stream):
    return next(stream.parts())


def within(seconds, condition):
    """How long it took until the condition held; more than `seconds` fails."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - began
