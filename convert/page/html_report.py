"""report.html: report.json and the photos behind it as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np

from convert.metrics import Classes, Scores
from convert.page import html_comparison, html_format, html_plots, html_summary, html_thumbnails
from convert.page.html_thumbnails import Thumbnail
from convert.photos import Photo
from edge_server.inference.preprocessing import Preprocessing

# What is shown of much; together they keep the page under 1.5 MB.
_PICTURES: Final = 24
_SIGHTS: Final = 6
_CLASSES: Final = 20
_MORE_CLASSES: Final = 1200
_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Visuals:
    """What the pictures and plots are made from.

    `original` and `candidate` are scores 0..1, float32 (photos, classes), of `photos`, at least
    one, in their order. `labels` has a name for each class.
    """

    labels: tuple[str, ...]
    photos: tuple[Photo, ...]
    original: Scores
    candidate: Scores
    spec: Preprocessing

    def truth(self) -> Classes | None:
        """The photos' classes (photos,), None where they are not known."""
        classes = [photo.label for photo in self.photos if photo.label is not None]
        return np.array(classes, np.int64) if len(classes) == len(self.photos) else None


@dataclass(frozen=True)
class Answer:
    """A class and its score 0..1; `right` is None where that is not known."""

    label: str
    score: float
    right: bool | None


@dataclass(frozen=True)
class Disagreement:
    """A photo with two answers; `picture` is None where it can't be read any more."""

    name: str
    picture: Thumbnail | None
    truth: str | None
    original: Answer
    candidate: Answer


@dataclass(frozen=True)
class ClassLine:
    """A row of the table of classes."""

    name: str
    photos: int
    original: int
    candidate: int
    difference: int
    changed: int
    instead: str | None


def render(document: Mapping[str, Any], visuals: Visuals) -> bytes:
    """The page, UTF-8; the same bytes for the same input.

    `document` is report.json's; what it lacks is left out. A photo that can't be read any more is
    named instead of shown.
    """
    full = html_summary.complete(document)
    page = _environment().get_template("report.html").render(_context(full, visuals))
    # A file name that is no UTF-8 holds lone surrogates.
    return page.encode("utf-8", "replace")


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for function in (
        html_format.percent,
        html_format.interval,
        html_format.points,
        html_format.points_interval,
        html_format.milliseconds,
        html_format.seconds,
        html_format.size,
        html_format.number,
        html_format.count,
        html_format.prose,
        html_format.short,
    ):
        environment.filters[function.__name__] = function
    environment.filters["heading"] = html_format.title
    return environment


def _context(document: dict[str, Any], visuals: Visuals) -> dict[str, Any]:
    before, after, truth = visuals.original, visuals.candidate, visuals.truth()
    pairs = None if truth is None else html_comparison.paired(before, after, truth)
    confidence = html_comparison.confidence(before, after)
    rows = html_comparison.disagreements(before, after, truth)
    classes = [_class_line(row, visuals) for row in html_comparison.by_class(before, after, truth)]
    changed = [line for line in classes if line.changed][:_CLASSES]
    others = classes[len(changed) :]  # they are sorted by how much they changed
    layers = html_summary.layers(document)
    return {
        "document": document,
        "passed": document["verdict"] == "passed",
        "gate": html_summary.gate(document, pairs),
        "checks": html_summary.checks(document),
        "bars": html_summary.accuracies(document, len(visuals.labels)),
        "pairs": pairs,
        "curve": html_plots.curve(
            document["curve"], document["candidates"], document["thresholds"]["min_agreement"]
        ),
        "selection": html_summary.selection(document),
        "confidence": confidence,
        "scatter": html_plots.scatter(confidence),
        "disagreements": [_disagreement(row, visuals) for row in rows[:_PICTURES]],
        "disagreeing": len(rows),
        "classes": len(visuals.labels),
        "changed_classes": changed,
        "other_classes": others[:_MORE_CLASSES],
        "hidden_classes": max(0, len(others) - _MORE_CLASSES),
        "sights": html_thumbnails.sights(visuals.photos, visuals.spec, _SIGHTS),
        "spec": visuals.spec,
        "pixel_values": html_summary.pixel_values(visuals.spec.to_json()),
        "layers": layers,
        "layer_columns": html_plots.layer_columns(document["layers"]) if layers else None,
        "unreadable": html_summary.unreadable(document),
        "versions": html_summary.versions(document),
    }


def _disagreement(row: int, visuals: Visuals) -> Disagreement:
    photo = visuals.photos[row]
    return Disagreement(
        name=photo.path.name,
        picture=html_thumbnails.thumbnail(photo.path),
        truth=None if photo.label is None else visuals.labels[photo.label],
        original=_answer(visuals.original[row], photo.label, visuals.labels),
        candidate=_answer(visuals.candidate[row], photo.label, visuals.labels),
    )


def _answer(scores: Scores, truth: int | None, labels: tuple[str, ...]) -> Answer:
    best = int(scores.argmax())
    return Answer(labels[best], float(scores[best]), None if truth is None else best == truth)


def _class_line(row: html_comparison.ClassRow, visuals: Visuals) -> ClassLine:
    return ClassLine(
        name=visuals.labels[row.index],
        photos=row.photos,
        original=row.original,
        candidate=row.candidate,
        difference=row.difference,
        changed=row.changed,
        instead=None if row.instead is None else visuals.labels[row.instead],
    )
