"""The checks of a build: what matters is found here, not left to the reader of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convert import checks, photo_contents
from convert.calibration import Calibration
from convert.check import Check
from convert.device import target_conversion
from convert.layer_statistics import LayerStatistics
from convert.options import Options
from convert.original import OriginalRun
from convert.trial import Trial

_BLACK: Final = (
    "On a black picture, as a covered camera gives, the model fails ({reason}), so "
    "the device answers it with an error."
)


def run(
    options: Options,
    before: OriginalRun,
    calibrated: Calibration | None,
    winner: Trial,
    layers: Sequence[LayerStatistics],
    golden: int,
) -> tuple[Check, ...]:
    """Every check that applies; `golden` is how many samples the file carries."""
    found = [
        checks.original_accuracy(before.scores, before.labels()),
        checks.collapse(before.scores, winner.scores),
        checks.validation_size(winner.judged, options.gate),
    ]
    if calibrated is not None:
        contents = photo_contents.read(calibrated.photos)
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
    return tuple(found)
