"""The checks of a build: what matters is found here, not left to the reader of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from convert import checks, photo_contents, speed
from convert.check import Check
from convert.device import candidate
from convert.layer_statistics import LayerStatistics
from convert.options import AUTO
from convert.speed import Times
from convert.trial import THREADS, Bench, Trial

# Turns of the two models whose times are compared.
_ROUNDS: Final = 20


def run(
    bench: Bench, winner: Trial, layers: Sequence[LayerStatistics], golden: int
) -> tuple[Check, ...]:
    """Every check that applies; `golden` is how many samples the file carries.

    Raises BuildError where the target's runtime can't measure times.
    """
    before, gate = bench.before, bench.options.gate
    found = [
        checks.original_accuracy(before.scores, before.labels()),
        checks.collapse(before.scores, winner.scores),
        checks.validation_size(winner.judged, gate),
    ]
    if bench.calibrated is not None:
        contents = photo_contents.read(bench.calibrated.photos)
        found.append(checks.calibration_photos(contents))
        found.append(checks.overlap(contents, photo_contents.read(before.photos)))
    if layers:
        found.append(checks.saturated_activations(layers))
    found.append(checks.golden_samples(golden))
    # The search has measured all candidates already.
    if winner.draft.recipe.integer_only and bench.options.recipe != AUTO:
        found.append(_speed(bench, winner))
    return tuple(found)


def _speed(bench: Bench, winner: Trial) -> Check:
    """An integer candidate beside its float32 twin, on the target's runtime."""
    twin = bench.workshop.put("twin.tflite", winner.draft.float_twin or bench.float_model)
    integer, float32 = candidate.latency(
        [winner.file, twin],
        rounds=_ROUNDS,
        threads=THREADS,
        console=bench.console,
        python=bench.python,
    )
    run, name = winner.run, winner.draft.recipe.name
    runtime = f"{run.runtime} {run.runtime_version}"
    return speed.check(name, Times(integer, float32), run.partitions, runtime)
