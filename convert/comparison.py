"""Any original against any .tflite of it: build's comparison, for a pair from anyone."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert import folder_order, original, original_accuracy, photos, validation
from convert.console import Console
from convert.device import candidate, candidate_file
from convert.device.candidate import DeviceRun
from convert.device.candidate_file import CandidateFile
from convert.metrics import Scores
from convert.original import OriginalRun
from convert.photos import Unreadable
from convert.preprocessing.label_order import Origin
from convert.sources import source
from convert.validation import Gate, Validation
from edge_server.inference import tflite_file
from edge_server.inference.classification import to_scores
from edge_server.inference.manifest import Output
from edge_server.inference.output_kind import output_kind


@dataclass(frozen=True)
class Pair:
    """What is compared, and on what. `input_size` is (height, width) for an original that leaves
    them free."""

    original: Path
    candidate: CandidateFile
    validation: Path
    signature: str | None = None
    input_size: tuple[int, int] | None = None
    gate: Gate = Gate()
    labels_file: Path | None = None


@dataclass(frozen=True)
class Answer:
    """The best class of a photo, and its score 0..1."""

    index: int
    label: str
    score: float

    def to_json(self) -> dict[str, Any]:
        return {"index": self.index, "label": self.label, "score": round(self.score, 6)}


@dataclass(frozen=True)
class Disagreement:
    """A photo that the two answer differently; `truth` is its class's label, where it is known."""

    photo: Path
    truth: str | None
    original: Answer
    candidate: Answer


@dataclass(frozen=True)
class Comparison:
    """`same_source` tells whether the file says that it was made of this original; None where it
    does not say what it was made of. `warning` is what to know of the photos' labels."""

    pair: Pair
    signature: str
    fingerprint: str
    judged: Validation
    run: DeviceRun
    threads: int
    output: Output
    labels: tuple[str, ...]
    disagreements: tuple[Disagreement, ...]
    unreadable: Unreadable
    warning: str | None = None

    @property
    def same_source(self) -> bool | None:
        stated = self.pair.candidate.fingerprint
        return None if stated is None else stated == self.fingerprint

    def to_json(self) -> dict[str, Any]:
        """For machines. Accuracies and agreement are fractions 0..1, `max_drop` is in points."""
        figures, file = self.judged.to_json(), self.pair.candidate
        manifest = file.bundle.manifest
        median = self.run.invoke_ms_median
        figures["candidate"] |= {
            "runtime": f"{self.run.runtime} {self.run.runtime_version}",
            "threads": self.threads,
            "invoke_ms_median": median and round(median, 3),
            "xnnpack": self.run.xnnpack,
        }
        return {
            "verdict": figures.pop("verdict"),
            "reasons": list(self.judged.failures),
            **figures,
            "thresholds": {
                "min_agreement": self.judged.gate.min_agreement,
                "max_drop": self.judged.gate.max_drop,
            },
            "file": {
                "path": str(file.path),
                "size_bytes": len(file.bundle.file.data),
                "sha256": file.bundle.file.sha256,
                "recipe": manifest.recipe if manifest else None,
                "source_fingerprint": file.fingerprint,
            },
            "source": {
                "path": str(self.pair.original),
                "signature": self.signature,
                "fingerprint": self.fingerprint,
            },
            "same_source": self.same_source,
            "warning": self.warning,
            "preprocessing": file.spec.to_json(),
            "preprocessing_from": file.origin,
            "output": self.output.value,
            "labels": list(self.labels),
            "golden_samples": self.run.golden_samples,
            "validation": {
                "photos": str(self.pair.validation),
                "used": self.judged.samples,
                "unreadable": self.unreadable.reasons,
            },
            "disagreements": [
                {
                    "photo": str(d.photo),
                    "truth": d.truth,
                    "original": d.original.to_json(),
                    "candidate": d.candidate.to_json(),
                }
                for d in self.disagreements
            ],
        }


def compare(pair: Pair, console: Console) -> Comparison:
    """Run both on the photos, the file in the device's code and runtime, and judge.

    Raises UsageError where the two do not fit each other or the photos, BuildError where one of
    them can't be run.
    """
    file = pair.candidate
    with console.step(f"read {pair.original}"):
        model = source.load(pair.original, pair.signature, pair.input_size)
    shape = (model.height, model.width, model.channels)
    candidate_file.check_fit(file, pair.original, shape, model.classes)
    labels = _labels(pair)
    tests = photos.read(pair.validation, labels, model.classes)
    original.check(model, file.original_spec, tests)
    with console.step(f"run the original on {len(tests.photos)} photos"):
        before = original.run(model, file.original_spec, tests, console)
    labels, before, warning = _in_order(pair, labels, before)
    threads = os.cpu_count() or 1
    with (
        console.step("run the file on the device's runtime"),
        tempfile.TemporaryDirectory(prefix="edge-convert-") as folder,
    ):
        run = candidate.run(
            file.runnable(Path(folder)),
            [photo.path for photo in before.photos],
            threads=threads,
            console=console,
            title="running the file",
        )
    scores, output = _scores(file, run.scores)
    return Comparison(
        pair=pair,
        signature=model.signature,
        fingerprint=model.fingerprint,
        judged=validation.compare(before.scores, scores, before.labels(), pair.gate),
        run=run,
        threads=threads,
        output=output,
        labels=labels,
        disagreements=_disagreements(before, scores, labels),
        unreadable=before.unreadable,
        warning=warning,
    )


def _labels(pair: Pair) -> tuple[str, ...]:
    """One label for each class: the file's or the given ones, else the folders', else numbers."""
    classes = pair.candidate.classes
    if pair.candidate.labels:
        return pair.candidate.labels
    return folder_order.labels_of(pair.validation, classes)


def _in_order(
    pair: Pair, labels: tuple[str, ...], before: OriginalRun
) -> tuple[tuple[str, ...], OriginalRun, str | None]:
    """Labels and photos' classes in the model's order, as far as that is sure, and what to know."""
    warning = None
    if not pair.candidate.labels:
        settled = folder_order.settle(pair.validation, labels, before)
        labels, before, warning = settled.labels, settled.before, settled.warning
    origin = Origin(pair.validation, pair.labels_file, labels)
    checked = original_accuracy.check(before.scores, before.labels(), origin)
    if checked.status == "warned":
        warning = checked
    return labels, before, warning.sentence if warning else None


def _scores(file: CandidateFile, raw: Scores) -> tuple[Scores, Output]:
    """The file's scores 0..1 (photos, classes), and what it puts out: as it says, else judged."""
    manifest = file.bundle.manifest
    if manifest is not None:
        return raw, manifest.output
    if file.numbers == 1:
        raw = raw[:, 1:]  # as it was put out, before it was read as two classes
    output = output_kind(raw, tflite_file.ending(file.bundle.file.data))
    return to_scores(raw, output), output


def _disagreements(
    before: OriginalRun, after: Scores, labels: Sequence[str]
) -> tuple[Disagreement, ...]:
    ours, theirs = after.argmax(axis=1), before.scores.argmax(axis=1)

    def answer(scores: Scores, row: int, index: int) -> Answer:
        return Answer(index, labels[index], float(scores[row, index]))

    return tuple(
        Disagreement(
            before.photos[row].path,
            None if (truth := before.photos[row].label) is None else labels[truth],
            answer(before.scores, row, int(theirs[row])),
            answer(after, row, int(ours[row])),
        )
        for row in map(int, np.flatnonzero(ours != theirs))
    )
