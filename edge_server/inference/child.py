"""How a part of this package runs as a process of its own: a JSON request in, JSON lines out.

The last line is the result, or {"error": sentence}; lines before it tell the progress.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from edge_server.errors import EdgeError


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Answer the request on standard input; returns the exit status."""
    try:
        print(json.dumps(answer(json.load(sys.stdin))), flush=True)
    except (EdgeError, OSError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


def progress(done: int) -> None:
    """Say how much is done."""
    print(json.dumps({"done": done}), flush=True)
