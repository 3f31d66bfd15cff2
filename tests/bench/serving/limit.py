"""The in-process limit: decode, resize, invoke and top-k in as many threads as asked, no HTTP.

    python limit.py MODEL.tflite PHOTO [PHOTO ...]

Each thread has an interpreter of its own, of one thread. Reads lines `THREADS SECONDS` from
standard input; for each writes a JSON line: {"answers": n, "seconds": s, "ms": [median], "cpu": s}.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from edge_server.inference import bundle
from edge_server.inference.classifier import Classifier


def work(
    classifier: Classifier, photos: list[bytes], first: int, end: float, times: list[float]
) -> None:
    number = first
    started = time.perf_counter()
    while True:
        classifier.classify(photos[number % len(photos)])
        number += 1
        now = time.perf_counter()
        if now > end:
            return  # as the client, which counts no answer that came too late
        times.append(now - started)
        started = now


def main() -> None:
    model, *files = sys.argv[1:]
    photos = [Path(file).read_bytes() for file in files]
    loaded = bundle.read(Path(model))
    classifiers = [Classifier(loaded) for _ in range(os.cpu_count() or 1)]
    for line in sys.stdin:
        count, seconds = line.split()
        times: list[float] = []
        cpu, end = time.process_time(), time.perf_counter() + float(seconds)
        threads = [
            threading.Thread(target=work, args=(classifier, photos, number, end, times))
            for number, classifier in enumerate(classifiers[: int(count)])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.sort()
        print(
            json.dumps(
                {
                    "answers": len(times),
                    "seconds": float(seconds),
                    "ms": [1e3 * times[len(times) // 2]],
                    "cpu": time.process_time() - cpu,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
