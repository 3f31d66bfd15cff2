"""A server to be unkind to, and the sockets for it."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def host(server: Callable[..., Any]) -> Any:
    """A server whose uploads have to come within a second."""
    return server("--port", 0, "--camera", "none", "--max-body", 1, "--upload-timeout", 1)


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """Opens a connection to a server; all are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(process: Any, data: bytes = b"") -> socket.socket:
            connection = socket.create_connection(process.address, timeout=30)
            stack.callback(connection.close)
            connection.sendall(data)
            return connection

        yield make


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def answers(data: bytes) -> list[tuple[int, Any]]:
    """The statuses and JSON documents of answers that follow each other."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = int(lines[0].split()[1])
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        found.append((status, json.loads(data[:length]) if length else None))
        data = data[length:]
    return found


@pytest.fixture(scope="session")
def read() -> Callable[[socket.socket], list[tuple[int, Any]]]:
    """Reads a connection to its end: statuses and documents of its answers."""
    return lambda connection: answers(read_all(connection))
