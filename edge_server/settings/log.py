"""What is logged, and how."""

from __future__ import annotations

from dataclasses import dataclass

from edge_server.configuration.declaration import setting


@dataclass(frozen=True)
class LogSettings:
    log_level: str = setting(
        "info",
        "how much is logged",
        choices=("debug", "info", "warning", "error"),
        reason="one line a request is what an operator asks for first",
    )
    log_format: str = setting(
        "text",
        "how: key=value for people, or one JSON object a line for programs",
        choices=("text", "json"),
        reason="a log is read on the device before anything collects it",
    )
