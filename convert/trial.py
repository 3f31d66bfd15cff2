"""One candidate: converted, bettered, and compared with the original on the target's runtime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from convert import better_int8, conversion_checks, validation
from convert.better_int8 import Step
from convert.calibration import Calibration
from convert.console import Console
from convert.device import candidate, target_conversion, target_environment
from convert.device.candidate import DeviceRun, Probe
from convert.errors import BuildError
from convert.file import bundle_writer, portability
from convert.float_twin import FloatTwin
from convert.metrics import Scores
from convert.options import Options
from convert.original import OriginalRun
from convert.recipes import Recipe
from convert.sources.source import Source
from convert.speed import Times, measured
from convert.validation import Validation
from convert.workshop import Workshop
from edge_server.inference.manifest import Manifest
from edge_server.inference.preprocessing import ColorOrder, Preprocessing

# As the server runs a model unless it is told otherwise.
THREADS = 1
# Turns of an integer candidate and its float twin in the measurement of time.
_ROUNDS: Final = 20


@dataclass(frozen=True)
class Draft:
    """A bare .tflite. `spec` is what the device does to a picture before this graph sees it:
    the build's own, or less where the graph does a part of it; `inner` is the graph without that
    part, None where there is none. `float_twin` is a float32 .tflite that corresponds to the graph
    operator by operator and channel by channel, where the bench's does not."""

    name: str
    recipe: Recipe
    graph: bytes
    spec: Preprocessing
    probe: Probe
    adaptations: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    float_layers: int = 0
    inner: bytes | None = None
    float_twin: bytes | None = None

    @property
    def bare_graph(self) -> bytes:
        """The graph that takes what the build's own preprocessing gives."""
        return self.inner or self.graph


@dataclass(frozen=True)
class Trial:
    """A candidate and what it is worth. `file` is the whole file as it ran, without golden
    samples; `further` are its scores (pictures, classes) of pictures beside the validation photos;
    `invoke_ms` is the median time of one picture on the target's runtime."""

    draft: Draft
    file: Path
    size: int
    run: DeviceRun
    scores: Scores
    further: Scores
    judged: Validation
    invoke_ms: float | None

    def with_time(self, milliseconds: float) -> Trial:
        return replace(self, invoke_ms=milliseconds)


class Bench:
    """What all candidates of a build share."""

    def __init__(
        self,
        options: Options,
        model: Source,
        spec: Preprocessing,
        labels: tuple[str, ...],
        calibrated: Calibration | None,
        before: OriginalRun,
        workshop: Workshop,
        console: Console,
        *,
        twin: FloatTwin | None = None,
    ) -> None:
        """`twin` is of the model, where a recipe may be tried that calibrates."""
        self.options, self.model, self.spec, self.labels = options, model, spec, labels
        self._twin = twin
        self.calibrated, self.before = calibrated, before
        self.workshop, self.console = workshop, console
        self.python = target_environment.python_for(options.target, console)

    @property
    def float_model(self) -> bytes:
        """The bare float32 .tflite that corresponds to an integer one, operator by operator."""
        assert self._twin is not None
        return self._twin.model

    def convert(self, recipe: Recipe) -> Draft:
        """Convert for the target; int8 is bettered unless the options say otherwise.

        Raises BuildError where it can't be done.
        """
        model = self.model
        if recipe.integer_only:
            conversion_checks.check_before(self.float_model, recipe)
            assert self._twin is not None
            model = self._twin.source
        with self.console.step(f"convert to {recipe.name}"):
            converted = target_conversion.convert(
                model,
                recipe,
                self.calibrated if recipe.needs_calibration else None,
                self.options.target,
                self.console,
                self.workshop,
                allow_select_tf=self.options.allow_select_tf,
            )
        draft = Draft(
            name=recipe.name,
            recipe=recipe,
            graph=converted.model,
            spec=self.spec,
            probe=converted.probe,
            adaptations=converted.adaptations,
        )
        if recipe.name == "int8" and not self.options.stock_int8:
            assert self.calibrated is not None
            with self.console.step("round weights and correct biases"):
                better = better_int8.improve(
                    self.float_model,
                    draft.graph,
                    self.calibrated,
                    self.before.output,
                    self.console,
                )
            draft = replace(
                draft, graph=better.model, steps=better.steps, float_twin=better.float_model
            )
        return draft

    def times(self, trial: Trial) -> Times | None:
        """The times of an integer candidate and of its float32 twin, on the target's runtime; None
        where that does not take the twin."""
        twin = self.workshop.put("twin.tflite", trial.draft.float_twin or self.float_model)
        return measured(
            lambda: candidate.latency(
                [trial.file, twin],
                rounds=_ROUNDS,
                threads=THREADS,
                console=self.console,
                python=self.python,
            )
        )

    def portable(self, draft: Draft) -> Draft:
        """The draft so that other readers of TFLite Metadata see what the device's code sees.

        A graph that was changed since it was converted is tried again on the target's runtime.
        Raises BuildError where that refuses it.
        """
        graph, spec = draft.graph, draft.spec
        if spec.color_order is not ColorOrder.GRAYSCALE:
            graph, spec = portability.adapt(graph, spec)
        if graph is draft.graph and not draft.steps and not draft.float_layers:
            return draft
        probe = target_conversion.try_on(
            graph, self.options.target, self.python, self.console, self.workshop
        )
        inner = None if graph is draft.graph else draft.graph
        return replace(draft, graph=graph, spec=spec, probe=probe, inner=inner)

    def validate(self, draft: Draft, manifest: Manifest, pictures: Sequence[Path] = ()) -> Trial:
        """Score the photos, then further pictures, as the device does; compare the photos' scores.

        Raises BuildError where the target's runtime or the device's code refuses the file.
        """
        name = draft.name.replace(" ", "-").replace(",", "")
        file = self.workshop.put(
            f"candidate-{name}.tflite",
            bundle_writer.write(draft.graph, manifest, self.labels, {}),
        )
        photos = [photo.path for photo in self.before.photos]
        with self.console.step(f"run {draft.name} on the target's runtime"):
            run = candidate.run(
                file,
                [*photos, *pictures],
                threads=THREADS,
                console=self.console,
                title=f"running {draft.name}",
                python=self.python,
            )
        if not np.isfinite(run.scores).all():
            raise BuildError(f"{draft.name} puts out numbers that are not finite: use another.")
        own, further = run.scores[: len(photos)], run.scores[len(photos) :]
        judged = validation.compare(
            self.before.scores, own, self.before.labels(), self.options.gate
        )
        return Trial(
            draft, file, file.stat().st_size, run, own, further, judged, run.invoke_ms_median
        )
