"""The photos and labels of a doctor's patient: labels that are off by one are let in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convert import original, photos
from convert.errors import PicturesRefused, UsageError
from convert.photos import PhotoSet
from convert.preprocessing import conventions, label_order
from convert.preprocessing.doctor_text import Subject
from convert.preprocessing.label_order import Order
from edge_server.inference import labels as label_files

if TYPE_CHECKING:
    from convert.sources.source import Source


def read(model: Source, validation: Path, labels_file: Path | None) -> tuple[PhotoSet, Subject]:
    """The labelled photos, and what there is to say about where the labels come from.

    Raises UsageError where the photos have no labels, or the labels fit no model of so many
    classes, not even one with a class more or less.
    """
    labels = _labels(model, validation, labels_file)
    # One class too many is let in: labels that begin at 1 are a finding here, not a mistake.
    tests = photos.read(validation, labels, model.classes + 1)
    if not tests.labelled:
        raise UsageError(
            f"The photos in {validation} have no labels, and doctor compares answers with them: "
            "give a CSV with the columns file and label_index, or a folder for each class."
        )
    return tests, Subject(
        model=model.path,
        validation=validation,
        labels_file=labels_file,
        labels=labels,
        classes=model.classes,
        input_dtype=model.input_dtype,
    )


def check(model: Source, tests: PhotoSet) -> None:
    """Prove on a few photos that one picture alone gets the answer that it gets among others.

    Under the first convention whose numbers the model takes. Raises UsageError.
    """
    refusal: PicturesRefused | None = None
    for convention in conventions.normalizations(model.channels, model.input_dtype):
        spec = convention.specification(model.width, model.height)
        try:
            original.check(model, spec, tests)
        except PicturesRefused as error:
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal


def orders(model: Source, subject: Subject) -> tuple[Order, ...]:
    """The usual orders that the labels may have beside the one that they came in."""
    names = dict(enumerate(subject.labels))
    if not names and subject.validation.is_dir():
        folders = photos.class_folders(subject.validation)
        if len(folders) == model.classes:
            names = {int(name): name for name in folders}
    return label_order.orders(names or {i: str(i) for i in range(model.classes)})


def _labels(model: Source, validation: Path, labels_file: Path | None) -> tuple[str, ...]:
    given = model.labels if labels_file is None else label_files.read(labels_file)
    if given is not None:
        names = given.for_classes(model.classes)
        if abs(len(names) - model.classes) > 1:
            label_files.fitting(given, str(model.path), model.classes)
        return names
    names = photos.class_folders(validation)
    # One more is let in: numbers that begin at 1.
    if all(photos.is_index(name, model.classes + 1) for name in names):
        return ()
    if abs(len(names) - model.classes) > 1:
        raise UsageError(
            f"{validation} has {len(names)} folders but the model puts out {model.classes} "
            "classes: give --labels, or name each folder by the index of its class."
        )
    return names
