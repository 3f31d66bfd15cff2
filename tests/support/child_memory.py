"""Run code on bytes in a process of its own, and see how much memory and time it took."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# getrusage would do, but that peak begins with the size of the process that started this one.
_SCRIPT = """
import json, sys, time
from edge_server.errors import EdgeError

def peak():
    with open("/proc/self/status") as status:
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024

data = sys.stdin.buffer.read()
{setup}
before, start = peak(), time.process_time()
try:
    answer = {expression}
    error = status = None
except EdgeError as refusal:
    answer, error, status = None, str(refusal), refusal.status
print(json.dumps(dict(
    megabytes=peak() - before, seconds=time.process_time() - start,
    error=error, status=status, answer=answer if isinstance(answer, (int, str)) else None,
)))
"""


@dataclass(frozen=True)
class Cost:
    """What an expression took, memory above what there was before it, and how it ended."""

    megabytes: float
    seconds: float
    error: str | None
    status: int | None
    answer: Any


def cost(expression: str, data: bytes, setup: str = "") -> Cost:
    """Evaluate an expression on `data`, after the statements of `setup`."""
    script = _SCRIPT.format(setup=setup, expression=expression)
    done = subprocess.run(
        [sys.executable, "-c", script], input=data, capture_output=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return Cost(**json.loads(done.stdout.splitlines()[-1]))
