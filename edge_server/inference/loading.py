"""A file becomes a served model: read, tuned to this device, proven by its golden samples."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from edge_server.inference import bundle, normalization, proving, tuning
from edge_server.inference.bundle import Bundle
from edge_server.inference.classifier import Classifier
from edge_server.inference.delegate import Delegate
from edge_server.inference.proving import Proven
from edge_server.inference.runtime import runtime_info
from edge_server.inference.served import ModelInfo, ServedModel
from edge_server.inference.statistics import Observations
from edge_server.logs import fields

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadOptions:
    """How files become served models. `labels`, `preset`, `mean` and `std` (as normalization
    reads them) and `color_order` are for files that do not carry them; `observations` counts what
    the models do; of `interpreters` and `threads` 0 means as is measured to be best; the rest is
    Classifier's."""

    labels: Path | None = None
    preset: str | None = None
    mean: str | None = None
    std: str | None = None
    color_order: str | None = None
    interpreters: int = 1
    threads: int = 1
    max_waiting: int = 32
    max_pixels: int = 50_000_000
    delegate: Delegate | None = None
    observations: Observations | None = None


def load(path: Path, options: LoadOptions, *, name: str | None = None, version: str) -> ServedModel:
    """Load a file and prove by its golden samples that it answers here as it did when it was made.

    `name` is the file's own where none is given. Raises ModelFileError, ModelRefused, SettingError.
    """
    return make(read(path, options), options, name=name, version=version)


def read(path: Path, options: LoadOptions) -> Bundle:
    """What a file and the options say of a model. Raises ModelFileError, SettingError."""
    return bundle.read(
        path,
        labels=options.labels,
        preset=normalization.chosen(options.preset, options.mean, options.std),
        color_order=options.color_order,
    )


def make(
    found: Bundle, options: LoadOptions, *, name: str | None = None, version: str
) -> ServedModel:
    """load() for a file that was read already."""
    way = tuning.choose(
        name or found.name,
        found.file.data,
        interpreters=options.interpreters,
        threads=options.threads,
    )

    def classifier_on(chosen: Delegate | None) -> Classifier:
        return Classifier(
            found,
            interpreters=way.interpreters,
            threads=way.threads,
            max_waiting=options.max_waiting,
            max_pixels=options.max_pixels,
            delegate=chosen,
        )

    proven = proving.prove(classifier_on, options.delegate)
    classifier = proven.classifier
    if way.alone and not (proven.delegation and proven.delegation.used):
        proving.widen(classifier, way.alone)
    manifest = found.manifest
    info = ModelInfo(
        name=name or found.name,
        version=version,
        recipe=manifest.recipe if manifest else "unknown",
        sha256=found.file.sha256,
        size_bytes=len(found.file.data),
        labels=tuple(classifier.labels),
    )
    _announce(info, proven)
    served = ServedModel(info, classifier, proven.delegation)
    # Only now: the golden samples are nobody's requests.
    if options.observations is not None:
        options.observations.attach(served)
    return served


def _announce(info: ModelInfo, proven: Proven) -> None:
    runtime, classifier, delegation = runtime_info(), proven.classifier, proven.delegation
    told = fields(
        model=info.name,
        version=info.version,
        recipe=info.recipe,
        classes=classifier.classes,
        labels=classifier.bundle.label_file.form if classifier.bundle.label_file else "none",
        bytes=info.size_bytes,
        sha256=info.sha256[:12],
        golden_samples=proven.samples,
        runtime=f"{runtime.name}/{runtime.version}",
        interpreters=classifier.interpreters,
        threads=classifier.threads,
        threads_alone=classifier.threads_alone,
        batch=classifier.batch,
        delegate=delegation.library if delegation and delegation.used else "none",
    )
    _log.info("loaded", extra=told)
    manifest = classifier.bundle.manifest
    if manifest and manifest.validation and manifest.validation.get("verdict") == "failed":
        agreement = manifest.validation["agreement"]["top1"]
        _log.warning(
            "a model did not pass validation: it agrees with its original on %.1f %% of the "
            "photos; it is served because it was asked for",
            100 * agreement,
            extra=fields(model=info.name, version=info.version),
        )
