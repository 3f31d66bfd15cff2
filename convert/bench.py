"""Candidates of a build: converted, bettered, and compared with the original on the target's
runtime."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf

import edge_server
from convert import (
    better_int8,
    conversion_checks,
    effort,
    mixed_precision,
    original,
    photos,
    quantize,
    recipes,
    validation,
    weights_only,
)
from convert.better_int8 import Improved, Step
from convert.calibration import Calibration
from convert.console import Console
from convert.device import candidate, target_conversion, target_environment
from convert.device.candidate import DeviceRun, Probe, Shown
from convert.device.device_process import ChildRefused
from convert.errors import RecipeFailed
from convert.file import bundle_writer, golden_writer, portability, tflite_schema
from convert.float_twin import FloatTwin
from convert.options import Options
from convert.original import OriginalRun
from convert.recipes import Recipe
from convert.sources.source import Source
from convert.speed import Times, measured
from convert.trial import Draft, Trial
from convert.workshop import Workshop
from edge_server.inference.manifest import Manifest
from edge_server.inference.preprocessing import ColorOrder, Preprocessing

# As the server runs a model unless it is told otherwise.
THREADS = 1
# Turns of an integer candidate and its float twin in the measurement of time.
_ROUNDS: Final = 20
# What the report calls the last word on better int8.
COMPARISON: Final = "comparison with the stock file"


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

    @cached_property
    def _plain_float_model(self) -> bytes:
        """The bare float32 .tflite of the original with its own operators."""
        if self._twin is not None and self._twin.source is self.model:
            return self._twin.model
        return quantize.convert(
            self.model,
            recipes.get("float32"),
            None,
            self.console,
            allow_select_tf=self.options.allow_select_tf,
            folder=self.workshop.path,
        )

    def _shown(self, spec: Preprocessing) -> Shown:
        chosen = photos.evenly(self.before.photos, candidate.PROBED_BATCH)
        return Shown(tuple(photo.path for photo in chosen), spec)

    def convert(self, recipe: Recipe) -> Draft:
        """Convert for the target; int8 weights are bettered where there are calibration photos,
        unless the options say otherwise.

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
                self._shown(self.spec),
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
        if recipe.activations == "int8" and recipe.output_dtype == "float32":
            draft = self._with_exact_scores(draft)
        if recipe.weights != "int8" or self.options.stock_int8 or self.calibrated is None:
            return draft
        return self._bettered(draft, self.calibrated)

    def _tried(self, graph: bytes, spec: Preprocessing) -> Probe:
        """Try a changed graph on photos, on the target's runtime. Raises BuildError."""
        return target_conversion.try_on(
            graph,
            self.options.target,
            self.python,
            self.console,
            self.workshop,
            self._shown(spec),
        )

    def _with_exact_scores(self, draft: Draft) -> Draft:
        graph = mixed_precision.with_exact_scores(self.float_model, draft.graph, self.spec)
        if graph == draft.graph:
            return draft
        probe = self._tried(graph, draft.spec)
        return replace(draft, graph=graph, probe=probe)

    def _bettered(self, stock: Draft, calibrated: Calibration) -> Draft:
        """The draft with better weights and biases, or as it is where photos that were held back
        from all of it, on the target's runtime, show no clear gain."""
        total = len(calibrated.pictures)
        count = effort.judges(total)
        if not count:
            why = f"it takes {effort.FEWEST} calibration photos, and there are {total}"
            return replace(stock, steps=(Step("better weights and biases", False, why),))
        fitted, judges = calibrated.hold_back(count)
        with self.console.step("round weights and correct biases"):
            better = self._improved(stock, fitted)
        changed = replace(
            stock, graph=better.model, steps=better.steps, float_twin=better.float_model
        )
        if not any(step.kept for step in better.steps):
            return changed
        with self.console.step("compare it with the converter's own, on photos held back"):
            exact = original.scores_of(self.model, self.spec, self.before.output, judges.pictures)
            photos = [photo.path for photo in judges.photos]
            (_, before), (_, after) = (self._run(draft, photos) for draft in (stock, changed))
        choice = validation.choose(exact, before.scores, after.scores)
        why = (
            f"on {count} photos held back from all steps, on {after.runtime} "
            f"{after.runtime_version}: {choice.why}"
        )
        if choice.changed:
            return replace(changed, steps=(*better.steps, Step(COMPARISON, True, why)))
        dropped = (
            replace(step, kept=False, why=f"{step.why}; dropped by the {COMPARISON}")
            if step.kept
            else step
            for step in better.steps
        )
        why += "; that is no clear gain, so the converter's own weights and biases stay"
        return replace(stock, steps=(*dropped, Step(COMPARISON, False, why)))

    def _improved(self, stock: Draft, fitted: Calibration) -> Improved:
        recipe, graph = stock.recipe, stock.graph
        exact = self.float_model if recipe.integer_only else self._plain_float_model
        if recipe.activations == "int8":
            return better_int8.improve(exact, graph, fitted, self.before.output, self.console)
        return weights_only.improve(exact, graph, fitted, self.console)

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
        probe = self._tried(graph, spec)
        inner = None if graph is draft.graph else draft.graph
        return replace(draft, graph=graph, spec=spec, probe=probe, inner=inner)

    def manifest(self, draft: Draft) -> Manifest:
        """What is known before the candidate has run."""
        operators = tflite_schema.describe(draft.graph).operators
        return Manifest(
            name=self.options.model_name,
            preprocessing=draft.spec,
            output=self.before.output,
            recipe=draft.recipe.name,
            source={
                "format": self.model.format,
                "signature": self.model.signature,
                "fingerprint": self.model.fingerprint,
                # The original's own, where the graph of this file does a part of it.
                "preprocessing": self.spec.to_json(),
            },
            tools={
                "edge-classifier": edge_server.__version__,
                "tensorflow": tf.__version__,
                "python": platform.python_version(),
            },
            operators=tuple({"name": o.name, "version": o.version} for o in operators),
            target=self.options.target.name,
            resizable_batch=draft.probe.resizable_batch,
            tolerance=golden_writer.TOLERANCE,
        )

    def validate(self, draft: Draft, pictures: Sequence[Path] = ()) -> Trial:
        """Score the photos, then further pictures, as the device does; compare the photos' scores.

        Raises BuildError where the target's runtime or the device's code refuses the file.
        """
        validated = [photo.path for photo in self.before.photos]
        with self.console.step(f"run {draft.name} on the target's runtime"):
            file, run = self._run(draft, [*validated, *pictures])
        if not np.isfinite(run.scores).all():
            raise RecipeFailed(
                f"{draft.name} answers photos with numbers that are infinite or none (NaN), where "
                "the original's answers are finite."
            )
        own, further = run.scores[: len(validated)], run.scores[len(validated) :]
        judged = validation.compare(
            self.before.scores, own, self.before.labels(), self.options.gate
        )
        return Trial(
            draft, file, file.stat().st_size, run, own, further, judged, run.invoke_ms_median
        )

    def _run(self, draft: Draft, pictures: Sequence[Path]) -> tuple[Path, DeviceRun]:
        """The draft as a whole file, and its answers as the device gives them."""
        name = draft.name.replace(" ", "-").replace(",", "")
        file = self.workshop.put(
            f"candidate-{name}.tflite",
            bundle_writer.write(draft.graph, self.manifest(draft), self.labels, {}),
        )
        try:
            run = candidate.run(
                file,
                pictures,
                threads=THREADS,
                console=self.console,
                title=f"running {draft.name}",
                python=self.python,
            )
        except ChildRefused as refusal:
            where = target_conversion.layer(draft.graph, refusal.reason)
            raise RecipeFailed(f"{refusal}{where}") from refusal
        return file, run
