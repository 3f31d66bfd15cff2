"""The parts that the routes share, put together from the settings: model, camera, live answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from camera.broadcast import Broadcast
from camera.errors import CameraError
from camera.grabber import Grabber
from camera.sources import from_spec
from edge_server.errors import CameraUnavailable, SettingError
from edge_server.inference import bundle, golden
from edge_server.inference.classifier import Classifier
from edge_server.inference.runtime import runtime_info
from edge_server.live import Live
from edge_server.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelInfo:
    """The served model, as answers and pages name it. Sizes in bytes."""

    name: str
    version: str
    recipe: str
    sha256: str
    size_bytes: int
    labels: tuple[str, ...]

    def to_json(self) -> dict[str, str]:
        """The part that stands in every answer."""
        return {
            "name": self.name,
            "version": self.version,
            "recipe": self.recipe,
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Camera:
    """A camera that is being watched: frames, their JPEGs, their classifications."""

    grabber: Grabber
    broadcast: Broadcast
    live: Live


@dataclass(frozen=True)
class Services:
    """What there is to serve."""

    settings: Settings
    classifier: Classifier
    model: ModelInfo
    camera: Camera | None

    def start(self) -> None:
        """Begin to read the camera."""
        if self.camera is not None:
            self.camera.grabber.start()

    def stop(self) -> None:
        """Let go of the camera; its streams end."""
        if self.camera is not None:
            self.camera.grabber.stop()

    def require_camera(self) -> Camera:
        """The camera. Raises CameraUnavailable where the server has none."""
        if self.camera is None:
            raise CameraUnavailable(
                "This server has no camera: start it with --camera (demo, usb:0, folder:DIR)."
            )
        return self.camera


def build(settings: Settings) -> Services:
    """Load and prove the model, and make the camera ready to start.

    Raises ModelFileError, ModelRefused, SettingError.
    """
    grabber = _grabber(settings)
    classifier = Classifier(
        bundle.read(
            settings.model_file,
            labels=settings.labels,
            preset=settings.preprocessing,
            color_order=settings.color_order,
        ),
        interpreters=settings.interpreter_count,
        threads=settings.thread_count,
        max_waiting=settings.queue,
        max_pixels=settings.max_pixels * 1_000_000,
    )
    samples = golden.check(classifier)
    model = _model_info(classifier)
    runtime = runtime_info()
    _log.info(
        "model=%s recipe=%s classes=%d bytes=%d sha256=%.12s golden_samples=%d runtime=%s/%s "
        "interpreters=%d threads=%d batch=%d",
        *(model.name, model.recipe, classifier.classes, model.size_bytes, model.sha256, samples),
        *(
            runtime.name,
            runtime.version,
            classifier.interpreters,
            classifier.threads,
            classifier.batch,
        ),
    )
    _warn_of_rejection(classifier)
    return Services(settings, classifier, model, _camera(settings, grabber, classifier))


def _model_info(classifier: Classifier) -> ModelInfo:
    file, manifest = classifier.bundle.file, classifier.bundle.manifest
    return ModelInfo(
        name=classifier.bundle.name,
        version="1",
        recipe=manifest.recipe if manifest else "unknown",
        sha256=file.sha256,
        size_bytes=len(file.data),
        labels=tuple(classifier.labels),
    )


def _warn_of_rejection(classifier: Classifier) -> None:
    manifest = classifier.bundle.manifest
    if manifest and manifest.validation and manifest.validation.get("verdict") == "failed":
        agreement = manifest.validation["agreement"]["top1"]
        _log.warning(
            "model=%s did not pass validation: it agrees with its original on %.1f %% of the "
            "photos; it is served because it was asked for",
            *(classifier.bundle.name, 100 * agreement),
        )


def _grabber(settings: Settings) -> Grabber | None:
    if settings.camera_spec is None:
        return None
    try:
        return Grabber(from_spec(settings.camera_spec))
    except CameraError as error:
        raise SettingError(str(error)) from error


def _camera(settings: Settings, grabber: Grabber | None, classifier: Classifier) -> Camera | None:
    if grabber is None:
        return None
    broadcast = Broadcast(grabber, max_viewers=settings.viewers)
    return Camera(grabber, broadcast, Live(grabber, classifier, timeout=settings.timeout))
