"""One build: SavedModel in; a validated .tflite and report.json out, or nothing at all."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf

import edge_server
from convert import (
    bundle_writer,
    calibration,
    candidate,
    golden_writer,
    original,
    photos,
    quantize,
    report,
    saved_model,
    source,
    tflite_schema,
    validation,
)
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import UsageError
from convert.golden_writer import Picture
from convert.options import Options
from convert.original import OriginalRun
from convert.photos import PhotoSet, Unreadable
from convert.source import Source
from convert.validation import Validation
from convert.workshop import Workshop
from edge_server.inference import bundle, preprocessing
from edge_server.inference.manifest import Manifest
from edge_server.inference.preprocessing import Preprocessing

# More pictures than are kept as golden samples, since unclear ones drop out.
_GOLDEN_CANDIDATES: Final = 3 * golden_writer.COUNT


@dataclass(frozen=True)
class Built:
    """What a build left behind."""

    file: Path
    report: Path
    validation: Validation
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True)
class _Inputs:
    """Everything that the options name, read and found good."""

    labels: tuple[str, ...]
    spec: Preprocessing
    tests: PhotoSet
    calibrated: Calibration | None


def build(options: Options, console: Console) -> Built:
    """Convert, validate, bundle and prove.

    Raises UsageError where the options name something wrong, BuildError where it can't be done.
    A candidate that misses the gate is no error: it is kept, as model.rejected.tflite.
    """
    started = time.perf_counter()
    with Workshop(options.output) as workshop:
        with console.step(f"read {options.saved_model}"):
            model = source.load(options.saved_model, options.signature, options.input_size)
        with console.step("read labels and photos"):
            inputs = _read_inputs(options, model, console)
        with console.step(f"convert to {options.recipe.name}"):
            graph = quantize.convert(model, options.recipe, inputs.calibrated, console)
        with console.step(f"run the original on {len(inputs.tests.photos)} photos"):
            before = original.run(model, inputs.spec, inputs.tests, console)
        draft = _manifest(options, model, inputs, before, graph)
        with console.step("run the candidate on the device's runtime"):
            pictures = _golden_pictures(before, inputs.spec)
            run = _run_candidate(workshop, graph, draft, inputs, before, pictures, console)
        judged = validation.compare(
            before.scores, run.scores[: len(before.photos)], before.labels(), options.gate
        )
        with console.step("bundle, and run the golden samples of the finished file"):
            answers = np.stack(
                [original.scores_of(model, inputs.spec, before.output, p.pixels) for p in pictures]
            )
            golden = golden_writer.samples(pictures, answers, run.scores[len(before.photos) :])
            manifest = replace(
                draft,
                validation=judged.to_json(),
                golden=tuple(sample for _, sample in golden),
            )
            images = {picture.file: picture.data for picture, _ in golden}
            finished = workshop.put(
                "finished.tflite", bundle_writer.write(graph, manifest, inputs.labels, images)
            )
            candidate.run(finished, [], threads=1, console=console, title="golden samples")
        document = report.document(
            options=options,
            judged=judged,
            manifest=manifest,
            model=finished.read_bytes(),
            run=run,
            calibrated=inputs.calibrated,
            unreadable=before.unreadable,
            seconds=time.perf_counter() - started,
        )
        calibrated = (inputs.calibrated.unreadable,) if inputs.calibrated else ()
        file, written = workshop.publish(finished, report.to_bytes(document), passed=judged.passed)
        return Built(file, written, judged, (*calibrated, before.unreadable))


def _read_inputs(options: Options, model: Source, console: Console) -> _Inputs:
    labels = _labels(options, model)
    spec = preprocessing.from_preset(
        options.preprocessing,
        width=model.width,
        height=model.height,
        channels=model.channels,
        fit=options.fit,
        resize_filter=options.filter,
    )
    tests = photos.read(options.validation, labels, model.classes)
    calibrated = None
    if options.recipe.needs_calibration:
        if options.calibration is None:
            raise UsageError(
                f"The recipe {options.recipe.name} needs photos to calibrate with: "
                "give --calibration a folder of a hundred or so, like those the camera will see."
            )
        pool = photos.read(options.calibration, labels, model.classes)
        calibrated = calibration.load(pool, spec, options.calibration_limit, console)
    return _Inputs(labels, spec, tests, calibrated)


def _labels(options: Options, model: Source) -> tuple[str, ...]:
    """One label for each class: from the file, else from folders named by class, else numbers."""
    if options.labels is not None:
        labels = bundle.read_labels(options.labels)
        if len(labels) != model.classes:
            raise UsageError(
                f"{options.labels} has {len(labels)} lines but the model puts out {model.classes} "
                "classes: it needs one line for each class, in the model's order."
            )
        return labels
    names = photos.class_folders(options.validation)
    if len(names) == model.classes and not all(name.isdigit() for name in names):
        return names
    return tuple(str(index) for index in range(model.classes))


def _manifest(
    options: Options, model: Source, inputs: _Inputs, before: OriginalRun, graph: bytes
) -> Manifest:
    """What is known before the candidate has run."""
    operators = tflite_schema.describe(graph).operators
    return Manifest(
        name=options.model_name,
        preprocessing=inputs.spec,
        output=before.output,
        recipe=options.recipe.name,
        source={
            "format": "saved_model",
            "signature": model.signature,
            "fingerprint": saved_model.fingerprint(model.path),
        },
        tools={
            "edge-classifier": edge_server.__version__,
            "tensorflow": tf.__version__,
            "python": platform.python_version(),
        },
        operators=tuple({"name": o.name, "version": o.version} for o in operators),
        tolerance=golden_writer.TOLERANCE,
    )


def _golden_pictures(before: OriginalRun, spec: Preprocessing) -> list[Picture]:
    rows = golden_writer.choose(before.scores, _GOLDEN_CANDIDATES)
    return [
        golden_writer.encode(number, before.photos[row].path, spec)
        for number, row in enumerate(rows)
    ]


def _run_candidate(
    workshop: Workshop,
    graph: bytes,
    draft: Manifest,
    inputs: _Inputs,
    before: OriginalRun,
    pictures: Sequence[Picture],
    console: Console,
) -> candidate.DeviceRun:
    """Score the photos, then the golden pictures, as the device does."""
    file = workshop.put("candidate.tflite", bundle_writer.write(graph, draft, inputs.labels, {}))
    files = [photo.path for photo in before.photos]
    files += [workshop.put(Path(picture.file).name, picture.data) for picture in pictures]
    return candidate.run(
        file, files, threads=os.cpu_count() or 1, console=console, title="running the candidate"
    )
