"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from __future__ import annotations

import json
from typing import Any, Final

MEDIA_TYPE: Final = "text/event-stream"
# A comment, so that whatever stands between sees that the connection is alive.
HEARTBEAT: Final = b":\n\n"


def event(name: str, document: Any, number: int | None = None) -> bytes:
    """A named event with a JSON document, and the id by which it is numbered."""
    # JSON has its line breaks escaped: the data is one line.
    data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    line = "" if number is None else f"id: {number}\n"
    return f"event: {name}\n{line}data: {data}\n\n".encode()


def retry(seconds: float) -> bytes:
    """After how long a client that has lost the connection is to come back."""
    return f"retry: {round(seconds * 1e3)}\n\n".encode()
