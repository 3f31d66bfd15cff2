"""The checks of a build: what matters is found here, not left to the reader of a report."""

from __future__ import annotations

from collections.abc import Sequence

from convert import checks, photo_contents, speed
from convert.calibration import Calibration
from convert.check import Check
from convert.layer_statistics import LayerStatistics
from convert.options import Options
from convert.original import OriginalRun
from convert.speed import Times
from convert.trial import Trial


def run(
    options: Options,
    before: OriginalRun,
    calibrated: Calibration | None,
    winner: Trial,
    layers: Sequence[LayerStatistics],
    golden: int,
    times: Times | None,
) -> tuple[Check, ...]:
    """Every check that applies; `golden` is how many samples the file carries, `times` are of an
    integer recipe that was asked for by name."""
    found = [
        checks.original_accuracy(before.scores, before.labels()),
        checks.collapse(before.scores, winner.scores),
        checks.validation_size(winner.judged, options.gate),
    ]
    if calibrated is not None:
        contents = photo_contents.read(calibrated.photos)
        found.append(checks.calibration_photos(contents))
        found.append(checks.overlap(contents, photo_contents.read(before.photos)))
    if layers:
        found.append(checks.saturated_activations(layers))
    found.append(checks.golden_samples(golden))
    if times is not None:
        run = winner.run
        runtime = f"{run.runtime} {run.runtime_version}"
        found.append(speed.check(winner.draft.recipe.name, times, run.partitions, runtime))
    return tuple(found)
