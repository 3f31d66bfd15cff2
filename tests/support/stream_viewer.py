"""A viewer of a stream, who may be slow."""

from __future__ import annotations

import time

from camera import mjpeg


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
