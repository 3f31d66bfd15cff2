"""One build: a model in; a validated .tflite and its report out, or nothing at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from convert import (
    alternatives,
    build_checks,
    build_inputs,
    conversion_checks,
    float_twin,
    folder_order,
    layer_errors,
    original,
    photos,
    recipes,
    report,
    search,
)
from convert.bench import Bench
from convert.build_inputs import Inputs
from convert.check import Check
from convert.console import Console
from convert.device import candidate
from convert.file import bundle_writer, golden_writer
from convert.file.golden_writer import Picture
from convert.float_twin import FloatTwin
from convert.layer_statistics import LayerStatistics
from convert.options import AUTO, Options
from convert.original import OriginalRun
from convert.page import html_report
from convert.page.html_report import Visuals
from convert.photos import Unreadable
from convert.preprocessing import preprocessing_trials
from convert.preprocessing.preprocessing_trials import Trials
from convert.search import Found
from convert.sources import source
from convert.sources.source import Source
from convert.trial import Draft, Trial
from convert.validation import Validation
from convert.workshop import Workshop
from edge_server.inference import preprocessing
from edge_server.inference.manifest import Manifest
from edge_server.inference.preprocessing import Preprocessing

# More pictures than are kept as golden samples, since unclear ones drop out.
_GOLDEN_CANDIDATES: Final = 3 * golden_writer.COUNT
# Validation photos on which the layers' errors are measured.
_LAYER_PHOTOS: Final = 16


@dataclass(frozen=True)
class Built:
    """What a build left behind. `why` says why this candidate, where there were several."""

    file: Path
    report: Path
    page: Path
    validation: Validation
    unreadable: tuple[Unreadable, ...]
    warnings: tuple[str, ...]
    why: str | None
    recipe: str
    # Whether the steps of an int8 output are why it failed.
    output_step: bool = False

    @property
    def searched(self) -> bool:
        return self.why is not None


def build(options: Options, console: Console) -> Built:
    """Convert, validate, bundle and prove.

    Raises UsageError where the options name something wrong, BuildError where it can't be done.
    A candidate that misses the gate is no error: it is kept, as model.rejected.tflite.
    """
    with Workshop(options.output) as workshop:
        with console.step(f"read {options.saved_model}"):
            model = source.load(options.saved_model, options.signature, options.input_size)
        with console.step("read labels and photos"):
            inputs = build_inputs.read(options, model, console)
        twin = _float_twin(options, model, console, workshop.path)
        with console.step(f"run the original on {len(inputs.tests.photos)} photos"):
            before = original.run(model, inputs.spec, inputs.tests, console)
        ordered = None
        if options.labels is None and model.label_file is None:
            settled = folder_order.settle(options.validation, inputs.labels, before)
            inputs, before = replace(inputs, labels=settled.labels), settled.before
            ordered = settled.warning
        with console.step("try other ways of preprocessing"):
            tried = preprocessing_trials.short(model, inputs.spec, before, inputs.tests, console)
        one = _Build(options, model, inputs, before, workshop, console, twin)
        found = one.found()
        with console.step("bundle, and run the golden samples of the finished file"):
            finished, manifest = one.finish(found.winner)
        with console.step("measure the layers"):
            layers = one.layers(found.winner)
        with console.step("check, and write the report"):
            checks = one.checks(found.winner, layers, len(manifest.golden))
            if ordered is not None:
                checks = (ordered, *checks)
            return one.publish(found, finished, manifest, layers, checks, tried)


def _float_twin(
    options: Options, model: Source, console: Console, folder: Path
) -> FloatTwin | None:
    """None where nothing becomes integers. Raises BuildError where the recipe can't be had, which
    is better heard before the original has run on all photos."""
    if not options.needs_calibration:
        return None
    with console.step("convert to float32, to see what has a form in integers"):
        twin = float_twin.make(
            model, console, allow_select_tf=options.allow_select_tf, folder=folder
        )
        if options.recipe != AUTO:
            recipe = recipes.get(options.recipe, options.io)
            conversion_checks.check_before(twin.model, recipe)
        return twin


class _Build:
    """One build after the original has run."""

    def __init__(
        self,
        options: Options,
        model: Source,
        inputs: Inputs,
        before: OriginalRun,
        workshop: Workshop,
        console: Console,
        twin: FloatTwin | None,
    ) -> None:
        self._options, self._model, self._inputs = options, model, inputs
        self._before, self._workshop, self._console = before, workshop, console
        self._pictures = _golden_pictures(before, inputs.spec)
        self._picture_files = [
            workshop.put(Path(picture.file).name, picture.data) for picture in self._pictures
        ]
        self._bench = Bench(
            options,
            model,
            inputs.spec,
            inputs.labels,
            inputs.calibrated,
            before,
            workshop,
            console,
            twin=twin,
        )

    def found(self) -> Found:
        """The candidate that was asked for, or that the search chose."""
        if self._options.recipe == AUTO:
            return search.search(self._bench, self._validated)
        recipe = recipes.get(self._options.recipe, self._options.io)
        trial = alternatives.convert(
            recipe, lambda other: self._validated(self._bench.convert(other)), self._console
        )
        return Found((trial,), trial, "", ())

    def _validated(self, draft: Draft) -> Trial:
        portable = self._bench.portable(draft)
        return self._bench.validate(portable, self._picture_files)

    def finish(self, winner: Trial) -> tuple[Path, Manifest]:
        """The whole file, proven by its golden samples on the target's runtime."""
        spec = self._inputs.spec
        answers = original.scores_of(
            self._model,
            spec,
            self._before.output,
            [preprocessing.resize(picture.pixels, spec) for picture in self._pictures],
        )
        golden = golden_writer.samples(self._pictures, answers, winner.further)
        manifest = replace(
            self._bench.manifest(winner.draft),
            validation=winner.judged.to_json(),
            golden=tuple(sample for _, sample in golden),
        )
        images = {picture.file: picture.data for picture, _ in golden}
        finished = self._workshop.put(
            "finished.tflite",
            bundle_writer.write(winner.draft.graph, manifest, self._inputs.labels, images),
        )
        candidate.run(
            finished,
            [],
            threads=1,
            console=self._console,
            title="golden samples",
            python=self._bench.python,
        )
        return finished, manifest

    def layers(self, winner: Trial) -> tuple[LayerStatistics, ...]:
        """The layers of a graph with int8 in it, on photos that calibration has not seen."""
        recipe = winner.draft.recipe
        if recipe.name not in ("int8", "mixed"):
            return ()
        chosen = photos.evenly(self._before.photos, _LAYER_PHOTOS)
        # The graph may do a part of the preprocessing itself: both are given what it was made for.
        pictures = [
            preprocessing.see(photo.path.read_bytes(), self._inputs.spec) for photo in chosen
        ]
        graph = winner.draft.bare_graph
        exact = winner.draft.float_twin or self._bench.float_model
        return layer_errors.measure(exact, graph, pictures, self._inputs.spec)

    def checks(
        self, winner: Trial, layers: Sequence[LayerStatistics], golden: int
    ) -> tuple[Check, ...]:
        times = None
        if winner.draft.recipe.integer_only and self._options.recipe != AUTO:
            times = self._bench.times(winner)
        return build_checks.run(
            self._options, self._inputs, self._before, winner, layers, golden, times
        )

    def publish(
        self,
        found: Found,
        finished: Path,
        manifest: Manifest,
        layers: Sequence[LayerStatistics],
        checks: Sequence[Check],
        tried: Trials | None,
    ) -> Built:
        """Write the reports, and make everything appear at once."""
        winner, calibrated = found.winner, self._inputs.calibrated
        document = report.document(
            options=self._options,
            found=found,
            manifest=manifest,
            model=finished.read_bytes(),
            labels=self._inputs.labels,
            original=self._before,
            calibrated=calibrated,
            layers=layers,
            checks=checks,
            tried=tried,
            steps=self._console.steps,
        )
        visuals = Visuals(
            self._inputs.labels,
            self._before.photos,
            self._before.scores,
            winner.scores,
            winner.draft.spec,
        )
        page = html_report.render(document, visuals)
        file, written, shown = self._workshop.publish(
            finished, report.to_bytes(document), page, passed=winner.judged.passed
        )
        warnings = [check.sentence for check in checks if check.status == "warned"]
        if tried is not None and tried.warning:
            warnings.append(tried.warning)
        unread = (calibrated.unreadable,) if calibrated else ()
        return Built(
            file=file,
            report=written,
            page=shown,
            validation=winner.judged,
            unreadable=(*unread, self._before.unreadable),
            warnings=tuple(warnings),
            why=found.why or None,
            recipe=manifest.recipe,
            output_step=any(c.name == "output-step" and c.status == "warned" for c in checks),
        )


def _golden_pictures(before: OriginalRun, spec: Preprocessing) -> list[Picture]:
    rows = golden_writer.choose(before.scores, _GOLDEN_CANDIDATES)
    return [
        golden_writer.encode(number, before.photos[row].path, spec)
        for number, row in enumerate(rows)
    ]
