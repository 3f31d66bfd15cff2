"""Proves on this hardware that a model answers as it did when it was converted.

A runtime can load a file and answer zeros; only running it on pictures with known answers tells.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_server.errors import ImageError, ModelRefused
from edge_server.inference import decoding
from edge_server.inference.classifier import Classifier, top_indices
from edge_server.inference.manifest import Golden
from edge_server.inference.runtime import runtime_info


@dataclass(frozen=True)
class GoldenResult:
    """One sample run again. `difference` is the largest difference of a recorded score, 0..1."""

    file: str
    expected: int
    got: int
    difference: float


def run(classifier: Classifier) -> list[GoldenResult]:
    """Run every golden sample; an empty list where the file has none.

    Raises ModelRefused where a sample can't be read.
    """
    manifest = classifier.bundle.manifest
    if manifest is None:
        return []
    return [_run_one(classifier, sample) for sample in manifest.golden]


def _run_one(classifier: Classifier, sample: Golden) -> GoldenResult:
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
        scores = classifier.scores(decoding.decode(data))
    except ImageError as error:
        raise ModelRefused(
            f"The golden sample {sample.file} of {classifier.bundle.name} is damaged: "
            "copy or convert the model again."
        ) from error
    return GoldenResult(
        file=sample.file,
        expected=sample.candidate[0].index,
        got=top_indices(scores, 1)[0],
        difference=max(abs(float(scores[s.index]) - s.score) for s in sample.candidate),
    )


def check(classifier: Classifier) -> int:
    """Run the samples and insist on them.

    Returns how many there are. Raises ModelRefused, naming the first that is not reproduced.
    """
    results = run(classifier)
    manifest = classifier.bundle.manifest
    if manifest is None:
        return 0
    for result in results:
        if result.got != result.expected or not result.difference <= manifest.tolerance:
            info = runtime_info()
            raise ModelRefused(
                f"{classifier.bundle.name} does not answer on this device as it did when it was "
                f"converted: sample {result.file} gave '{classifier.labels[result.got]}' for "
                f"'{classifier.labels[result.expected]}', with scores off by "
                f"{result.difference:.2f} (allowed {manifest.tolerance:g}), on {info.name} "
                f"{info.version}. Convert it for this device's runtime."
            )
    return len(results)
