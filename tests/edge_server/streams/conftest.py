"""A real server with a camera, and viewers on real sockets."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from network_camera import NetworkCamera, weighed
from server_here import ServerHere
from stream_viewer import Stream


class Here(ServerHere):
    """A server in this process that shows a camera."""

    @property
    def viewers(self):
        return self.services.camera.broadcast.viewers

    @property
    def busy(self):
        """Threads that are answering."""
        workers = self.server.requests
        return workers.count - len(workers._idle)


@pytest.fixture
def show():
    """Starts a camera and a server that shows it."""
    with ExitStack() as stack:

        def start(size=(320, 240), bytes_each=8000, **settings):
            camera = NetworkCamera(weighed(size, bytes_each))
            stack.callback(camera.end)
            here = Here(**{"camera": camera.url, "viewers": 4} | settings)
            stack.callback(here.stop)
            here.camera = camera
            return here

        yield start


@pytest.fixture
def watch():
    """Opens a stream and gives its socket, the head of the answer read; closed after the test."""
    with ExitStack() as stack:

        def start(here, path="/stream", receive_buffer=0):
            connection = socket.socket()
            stack.callback(connection.close)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.settimeout(20)
            connection.connect(here.address)
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            return Stream(connection)

        yield start
