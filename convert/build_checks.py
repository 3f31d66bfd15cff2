"""The checks of a build: what matters is found here, not left to the reader of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convert import checks, original_accuracy, photo_contents, speed
from convert.build_inputs import Inputs
from convert.check import Check
from convert.device import target_conversion
from convert.layer_statistics import LayerStatistics
from convert.options import Options
from convert.original import OriginalRun
from convert.preprocessing.label_order import Origin
from convert.speed import Times
from convert.trial import Trial

_BLACK: Final = (
    "On a black picture, as a covered camera gives, the model fails ({reason}), so "
    "the device answers it with an error."
)


def run(
    options: Options,
    inputs: Inputs,
    before: OriginalRun,
    winner: Trial,
    layers: Sequence[LayerStatistics],
    golden: int,
    times: Times | None,
) -> tuple[Check, ...]:
    """Every check that applies; `golden` is how many samples the file carries, `times` are of an
    integer recipe that was asked for by name."""
    origin = Origin(options.validation, options.labels, inputs.labels)
    found = [
        original_accuracy.check(before.scores, before.labels(), origin),
        _output(before, winner),
        checks.validation_size(winner.judged, options.gate),
    ]
    if inputs.calibrated is not None:
        contents = photo_contents.read(inputs.calibrated.photos)
        found.append(checks.calibration_photos(contents))
        found.append(checks.overlap(contents, photo_contents.read(before.photos)))
    reason = winner.draft.probe.black_reason
    if reason is not None:
        why = reason.rpartition(": ")[2].rstrip(".")
        layer = target_conversion.layer(winner.draft.graph, reason)
        found.append(Check("black-picture", "warned", _BLACK.format(reason=why) + layer, {}))
    if layers:
        found.append(checks.saturated_activations(layers))
    found.append(checks.golden_samples(golden))
    if times is not None:
        run = winner.run
        runtime = f"{run.runtime} {run.runtime_version}"
        found.append(speed.check(winner.draft.recipe.name, times, run.partitions, runtime))
    return tuple(found)


def _output(before: OriginalRun, winner: Trial) -> Check:
    """What is wrong with the candidate's answers as a whole; where the step of its output is the
    cause, calibration is not."""
    step = checks.output_step(before.scores, winner.scores)
    if step.status == "warned" and not winner.judged.passed:
        return step
    return checks.collapse(before.scores, winner.scores)
