"""Everything that the options of a build name, read and found good."""

from __future__ import annotations

from dataclasses import dataclass

from convert import calibration, folder_order, original, photos
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import UsageError
from convert.options import Options
from convert.photos import PhotoSet
from convert.sources.source import Source
from edge_server.inference import labels as label_files
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import Preprocessing


@dataclass(frozen=True)
class Inputs:
    """Labels, one for each class; the photos to compare on; None without calibration photos."""

    labels: tuple[str, ...]
    spec: Preprocessing
    tests: PhotoSet
    calibrated: Calibration | None


def read(options: Options, model: Source, console: Console) -> Inputs:
    """Raises UsageError where something named is wrong, BuildError where photos can't be read."""
    labels = _labels(options, model)
    spec = preprocessing.from_preset(
        options.preprocessing,
        width=model.width,
        height=model.height,
        channels=model.channels,
        fit=options.fit,
        resize_filter=options.filter,
        color_order=options.color_order,
    )
    tests = photos.read(options.validation, labels, model.classes)
    original.check(model, spec, tests)
    return Inputs(labels, spec, tests, _calibration(options, spec, console))


def _calibration(options: Options, spec: Preprocessing, console: Console) -> Calibration | None:
    options.check_recipe()
    if not options.uses_calibration or options.calibration is None:
        return None
    pool = photos.read_unlabelled(options.calibration)
    return calibration.load(pool, spec, options.calibration_limit, console)


def _labels(options: Options, model: Source) -> tuple[str, ...]:
    """One label for each class: from the file, else from folders named by class, else numbers."""
    if options.labels is not None:
        given = label_files.read(options.labels)
        if model.numbers == 1 and len(given.names) != model.classes:
            raise UsageError(_single_number(options, f"{options.labels} has {len(given.names)}"))
        return label_files.fitting(given, str(model.path), model.classes)
    if model.labels is not None:
        return label_files.fitting(model.labels, str(model.path), model.classes)
    if model.numbers == 1 and len(photos.class_folders(options.validation)) != model.classes:
        raise UsageError(_single_number(options, "there are no labels"))
    return folder_order.labels_of(options.validation, model.classes)


def _single_number(options: Options, found: str) -> str:
    return (
        f"{options.saved_model} puts out a single number, and {found}: if it is how sure the model "
        "is of the second of two classes, give --labels a file with two lines, the second for it, "
        "or a folder of photos for each class; else it is no image classifier."
    )
