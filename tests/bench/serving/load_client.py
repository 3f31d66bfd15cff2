"""Asks a server for predictions over kept-alive connections, with as little work as it can.

    python load_client.py HOST PORT PHOTO [PHOTO ...]

One thread and one selector, so that the client takes little of the processors that it shares with
the server. Reads lines `CONCURRENCY SECONDS` from standard input; for each writes a JSON line:
{"answers": n, "seconds": s, "other": n (no 200), "ms": [p50, p95, p99], "client_cpu": s}.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from pathlib import Path
from typing import Any

_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: image/jpeg\r\nContent-Length: {length}"
    "\r\n\r\n"
)


class Connection:
    """One connection with one request on its way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.started = 0.0

    def ask(self, request: bytes) -> None:
        self.received = b""
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """The status line's code once the whole answer is here; None before."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed a kept-alive connection")
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
        return head[9:12] if len(body) >= int(length) else None


def run(address: tuple[str, int], requests: list[bytes], count: int, seconds: float) -> Any:
    connections = [Connection(address) for _ in range(count)]
    times: list[float] = []
    other = number = 0
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        cpu, begin = time.process_time(), time.perf_counter()
        end = begin + seconds
        for connection in connections:
            connection.ask(requests[number % len(requests)])
            number += 1
        open_requests = count
        while open_requests:
            for key, _ in selector.select(timeout=30):
                connection = key.data
                status = connection.answer()
                if status is None:
                    continue
                now = time.perf_counter()
                if now <= end:
                    times.append(now - connection.started)
                    other += status != b"200"
                    connection.ask(requests[number % len(requests)])
                    number += 1
                else:
                    open_requests -= 1
        cpu = time.process_time() - cpu
    for connection in connections:
        connection.socket.close()
    times.sort()
    shares = [times[min(len(times) - 1, int(q * len(times)))] for q in (0.5, 0.95, 0.99)]
    return {
        "answers": len(times),
        "seconds": seconds,
        "other": other,
        "ms": [1e3 * share for share in shares],
        "client_cpu": cpu,
    }


def main() -> None:
    host, port, *photos = sys.argv[1:]
    bodies = [Path(photo).read_bytes() for photo in photos]
    requests = [_HEAD.format(path="/predict", length=len(body)).encode() + body for body in bodies]
    for line in sys.stdin:
        count, seconds = line.split()
        print(json.dumps(run((host, int(port)), requests, int(count), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
