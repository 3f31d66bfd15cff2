"""Answers to requests that do not reach the application: in JSON, as its own errors are."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

ID_HEADER: Final = "X-Request-ID"


class Refusal(Exception):
    """A request that is not taken, with the sentence for whoever sent it."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def body(self) -> bytes:
        """The answer's JSON."""
        return json.dumps({"error": str(self)}).encode()

    def to_bytes(self, request_id: str) -> bytes:
        """The whole answer; the connection ends after it."""
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            "Server: edge-server\r\n"
            f"{ID_HEADER}: {request_id}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(self.body)}\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Connection: close\r\n"
        )
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            head += "Retry-After: 1\r\n"
        return head.encode() + b"\r\n" + self.body
