"""Proves on this hardware that a model answers as it did when it was converted.

A runtime can load a file and answer zeros; only running it on pictures with known answers tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_server.errors import ImageError, ModelRefused
from edge_server.inference.classification import Timing
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Golden, Score
from edge_server.inference.runtime import runtime_info


@dataclass(frozen=True)
class GoldenResult:
    """One sample run again.

    `original` is what the SavedModel answered, `expected` the converted model when it was made,
    `got` the same model here and now; `difference` is the largest of a recorded score, 0..1, and
    `allowed` what it may be. `timing` is that of this run.
    """

    file: str
    original: Score | None
    expected: Score
    got: Score
    difference: float
    allowed: float
    timing: Timing

    @property
    def reproduced(self) -> bool:
        return self.got.index == self.expected.index and self.difference <= self.allowed


def run(classifier: Classifier) -> list[GoldenResult]:
    """Run every golden sample, forwards and then backwards; an empty list where the file has none.

    Of each sample's two runs the one that is further off counts: an answer that hangs on the
    picture before it is wrong in one of them. Raises ModelRefused where a sample can't be read.
    """
    manifest = classifier.bundle.manifest
    if manifest is None:
        return []
    forwards = [_run_one(classifier, sample, manifest.tolerance) for sample in manifest.golden]
    backwards = [
        _run_one(classifier, sample, manifest.tolerance) for sample in reversed(manifest.golden)
    ]
    return worst([forwards, backwards[::-1]])


def worst(rounds: Sequence[Sequence[GoldenResult]]) -> list[GoldenResult]:
    """Each sample's run that was furthest off: a device that errs now and then has to show."""
    return [
        max(runs, key=lambda result: (not result.reproduced, result.difference))
        for runs in zip(*rounds, strict=True)
    ]


def _run_one(classifier: Classifier, sample: Golden, allowed: float) -> GoldenResult:
    data = classifier.bundle.file.attached.get(sample.file)
    if data is None:
        raise ModelRefused(
            f"{classifier.bundle.name} lacks its golden sample {sample.file}: "
            "copy or convert the model again."
        )
    if not all(0 <= s.index < classifier.classes for s in sample.candidate):
        raise ModelRefused(
            f"The golden sample {sample.file} of {classifier.bundle.name} names a class that the "
            "model does not have: convert the model again."
        )
    try:
        answer = classifier.classify(data, top_k=classifier.classes)
    except ImageError as error:
        raise ModelRefused(
            f"The golden sample {sample.file} of {classifier.bundle.name} is damaged: "
            "copy or convert the model again."
        ) from error
    scores = {prediction.index: prediction.confidence for prediction in answer.top}
    best = answer.top[0]
    return GoldenResult(
        file=sample.file,
        original=sample.original[0] if sample.original else None,
        expected=sample.candidate[0],
        got=Score(best.index, best.confidence),
        difference=max(abs(scores[s.index] - s.score) for s in sample.candidate),
        allowed=allowed,
        timing=answer.timing,
    )


def check(classifier: Classifier) -> int:
    """Run the samples and insist on them.

    Returns how many there are. Raises ModelRefused, naming the first that is not reproduced.
    """
    results = run(classifier)
    for result in results:
        if not result.reproduced:
            info = runtime_info()
            raise ModelRefused(
                f"{classifier.bundle.name} does not answer on this device as it did when it was "
                f"converted: sample {result.file} gave '{classifier.labels[result.got.index]}' for "
                f"'{classifier.labels[result.expected.index]}', with scores off by "
                f"{result.difference:.2f} (allowed {result.allowed:g}), on {info.name} "
                f"{info.version}. Convert it for this device's runtime."
            )
    return len(results)
