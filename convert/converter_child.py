"""The process that TensorFlow's converter runs in: `python -m convert.converter_child PARENT`.

PARENT is the number of the process that started it. Reads requests from standard input, one JSON
line each, until that ends:
    {"action": "convert" or "find_infinite", "saved_model": DIR, "model": FILE, "recipe": {...},
     "select_tf": BOOL, "per_tensor_dense": BOOL, "pictures": FILE or null,
     "preprocessing": {...} or null}
and answers each on standard output, after lines {"done": photos} while it calibrates, with one of
    {"peak_memory_mb": N}                            the .tflite is in the file `model`
    {"infinite": {"tensor": NAME, "picture": N}}     or null where all numbers are finite
    {"error": {"type": TEXT, "text": TEXT, "operators": {CODE: [NAME, ...]}}}
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

# From linux/prctl.h.
_PR_SET_PDEATHSIG: Final = 1
# Of 1000: where the machine's memory runs out, Linux ends this process before others.
_OUT_OF_MEMORY_SCORE: Final = "900"


def _end_with(parent: int) -> None:
    """Do not outlive the parent: Linux sends a signal; elsewhere standard input ends. Ctrl-C in a
    terminal goes to both processes, and the parent answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_SCORE)
        if os.getppid() != parent:  # it ended before this process could ask for the signal
            sys.exit(1)


def _serve(requests: IO[str], answers: IO[str]) -> None:
    # Takes seconds: only now, and before there is a request.
    from convert import conversion  # noqa: PLC0415

    def say(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    actions = {"convert": conversion.convert, "find_infinite": conversion.find_infinite}
    for line in requests:
        request = json.loads(line)
        # What TensorFlow leaves there goes with the rest of the request's files.
        tempfile.tempdir = str(Path(request["model"]).parent)
        try:
            say(actions[request["action"]](request, say))
        except Exception as error:
            say({"error": conversion.describe(error)})


if __name__ == "__main__":
    _end_with(int(sys.argv[1]))
    # What libraries print must not come among the answers.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        _serve(sys.stdin, stream)
