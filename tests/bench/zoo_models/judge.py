"""Compares files with their original on photos that no build has seen; JSON on standard output.

usage: PYTHONPATH=. python tests/bench/zoo_models/judge.py MODEL PHOTOS FILE [FILE ...]

A process of its own for each original: TensorFlow's memory is given back. The files run in the
device's code, in a child without TensorFlow. `drift` is the mean over the photos of how far the
candidate's probability of the original's answer lies from the original's own.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from convert import metrics, original, photos
from convert.console import Console
from convert.device import candidate, candidate_file
from convert.sources import source


def main() -> None:
    path, shown, *files = map(Path, sys.argv[1:])
    console = Console()
    judged = []
    with console.quiet():
        model = source.load(path, None)
        for number, name in enumerate(files):
            file = candidate_file.read(name, candidate_file.Given())
            if number == 0:
                labels = tuple(str(index) for index in range(model.classes))
                tests = photos.read(shown, labels, model.classes)
                before = original.run(model, file.original_spec, tests, console)
            with tempfile.TemporaryDirectory() as folder:
                run = candidate.run(
                    file.runnable(Path(folder)),
                    [photo.path for photo in before.photos],
                    threads=os.cpu_count() or 1,
                    console=console,
                    title="running the file",
                )
            judged.append(figures(before, run.scores))
    json.dump(judged, sys.stdout)


def figures(before, scores) -> dict[str, object]:
    """Scores (photos, classes) as probabilities; fractions 0..1."""
    agreement = metrics.top1_agreement(before.scores, scores)
    best = before.scores.argmax(axis=1)
    rows = np.arange(len(best))
    drift = np.abs(before.scores[rows, best] - scores[rows, best]).mean()
    known = before.labels()
    top1 = [
        None if known is None else metrics.top_k_accuracy(s, known, 1)
        for s in (before.scores, scores)
    ]
    return {
        "photos": len(best),
        "agreement": agreement,
        "interval": metrics.wilson_interval(agreement, len(best)),
        "top1": top1,
        "drift": float(drift),
    }


if __name__ == "__main__":
    main()
