"""Scores of a model for many photos, as the device computes them: what validation compares.

Run as a process of its own (`python -m edge_server.inference.evaluate`), because TensorFlow and
a TFLite runtime must not share one. Reads a JSON request from standard input:
    {"model": FILE, "photos": [FILE, ...], "threads": N, "scores": FILE.npy}
and writes one JSON line for each photo to standard output, {"done": n}, then a last one with
what ran; the scores, float32 (photos, classes), go to FILE.npy.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edge_server.inference import bundle, child, golden
from edge_server.inference.classifier import Classifier
from edge_server.inference.runtime import runtime_info


def evaluate(request: dict[str, Any]) -> dict[str, Any]:
    """Do what the request says; returns the last line. Raises EdgeError."""
    classifier = Classifier(bundle.read(Path(request["model"])), threads=int(request["threads"]))
    golden_samples = golden.check(classifier)
    scores = np.zeros((len(request["photos"]), classifier.classes), np.float32)
    invoke_ms = []
    for number, photo in enumerate(request["photos"]):
        result = classifier.classify(Path(photo).read_bytes(), top_k=classifier.classes)
        invoke_ms.append(result.timing.invoke)
        for prediction in result.top:
            scores[number, prediction.index] = prediction.confidence
        child.progress(number + 1)
    if request.get("scores"):
        np.save(request["scores"], scores)
    info, partitions = runtime_info(), classifier.partitions
    return {
        "runtime": info.name,
        "runtime_version": info.version,
        "partitions": partitions and partitions.to_json(),
        "golden_samples": golden_samples,
        "invoke_ms_median": statistics.median(invoke_ms) if invoke_ms else None,
        "tensorflow_imported": "tensorflow" in sys.modules,
    }


if __name__ == "__main__":
    sys.exit(child.serve(evaluate))
