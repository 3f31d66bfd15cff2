"""The parts that the routes share, put together from the settings: model, camera, live answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from camera.broadcast import Broadcast
from camera.errors import CameraError
from camera.grabber import Grabber
from edge_server import overlay
from edge_server.errors import CameraUnavailable, SettingError
from edge_server.inference import delegate, loading
from edge_server.inference import region as regions
from edge_server.inference.loading import LoadOptions
from edge_server.inference.statistics import Observations
from edge_server.line import Line
from edge_server.live import Live
from edge_server.live.subscribers import Subscribers
from edge_server.mqtt import publisher
from edge_server.mqtt.publisher import Publisher
from edge_server.repository import Repository
from edge_server.repository.directory import ModelDirectory, SingleFile
from edge_server.repository.loading import Loader
from edge_server.repository.rules import Rules, parse_labels, parse_pins
from edge_server.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Camera:
    """A camera that is being watched: frames, their JPEGs, their classifications, who follows."""

    grabber: Grabber
    broadcast: Broadcast
    live: Live
    subscribers: Subscribers


@dataclass(frozen=True)
class Services:
    """What there is to serve."""

    settings: Settings
    models: Repository
    camera: Camera | None
    observations: Observations
    publisher: Publisher | None = None
    line: Line[Any] | None = None  # in which requests wait, where the server has one

    def start(self) -> None:
        """Begin to read the camera, and to follow changes of the models."""
        self.models.start()
        if self.camera is not None:
            self.camera.grabber.start()
            self.camera.live.start()
            if self.publisher is not None:
                self.publisher.start(self.camera.grabber, self.camera.live)

    def stop(self) -> None:
        """Let go of the camera; its streams and events end."""
        if self.publisher is not None:
            self.publisher.stop()
        if self.camera is not None:
            self.camera.live.stop()
            self.camera.grabber.stop()
        self.models.stop()

    def require_camera(self) -> Camera:
        """The camera. Raises CameraUnavailable where the server has none."""
        if self.camera is None:
            raise CameraUnavailable(
                "This server has no camera: start it with --camera (demo, usb:0, http://HOST/PATH)."
            )
        return self.camera


def build(settings: Settings, line: Line[Any] | None = None) -> Services:
    """Load and prove the models, and make the camera ready to start. Requests in the line go before
    the camera's frames.

    Raises ModelFileError, ModelRefused, SettingError.
    """
    grabber = _grabber(settings)
    publisher_ = publisher.from_settings(settings)
    if publisher_ is not None and grabber is None:
        # No error: the installer tries new versions without the camera.
        _log.warning("without a camera nothing is published over MQTT; --camera gives one")
    observations = Observations()
    options = _load_options(settings, observations)
    models = _models(settings, options)
    camera = _camera(settings, grabber, models, line)
    return Services(settings, models, camera, observations, publisher_, line)


def _models(settings: Settings, options: LoadOptions) -> Repository:
    if settings.models is None:
        if settings.pin or settings.version_label or settings.default_model:
            raise SettingError(
                "--pin, --version-label and --default-model choose among the models of a "
                "directory: give it with --models."
            )
        # The file says its own name.
        name = loading.read(settings.model_file, options).name
        return Repository(SingleFile(settings.model_file, name), Loader(options))
    if settings.model is not None:
        raise SettingError("Give either --model FILE or --models DIR, not both.")
    if (
        settings.labels
        or settings.preprocessing
        or settings.mean
        or settings.std
        or settings.color_order
    ):
        raise SettingError(
            "--labels, --preprocessing, --mean, --std and --color-order are for one --model; in a "
            "directory, put labels.txt and model.toml beside each model.tflite that needs them."
        )
    rules = Rules(
        pins=parse_pins(settings.pin),
        labels=parse_labels(settings.version_label),
        default=settings.default_model,
        poll_seconds=settings.models_poll,
    )
    return Repository(ModelDirectory(settings.models), Loader(options), rules)


def _load_options(settings: Settings, observations: Observations) -> LoadOptions:
    return LoadOptions(
        labels=settings.labels,
        preset=settings.preprocessing,
        mean=settings.mean,
        std=settings.std,
        color_order=settings.color_order,
        interpreters=settings.interpreters,
        threads=settings.threads,
        max_waiting=settings.queue,
        max_pixels=settings.max_pixels * 1_000_000,
        delegate=delegate.from_settings(settings.delegate, settings.delegate_options),
        observations=observations,
    )


def _grabber(settings: Settings) -> Grabber | None:
    if settings.camera_spec is None:
        return None
    try:
        from camera.sources.spec import from_spec  # noqa: PLC0415, who has no camera needs none of them

        return Grabber(from_spec(settings.camera_spec))
    except CameraError as error:
        raise SettingError(str(error)) from error


def _camera(
    settings: Settings, grabber: Grabber | None, models: Repository, line: Line[Any] | None
) -> Camera | None:
    if grabber is None:
        return None
    live = Live(
        grabber,
        models.get,
        fps=settings.classify_fps,
        region=regions.parse(settings.region) if settings.region else None,
        smoothing=settings.smoothing,
        min_confidence=settings.min_confidence,
        others_wait=lambda: line is not None and line.waiting > 0,
    )
    broadcast = Broadcast(grabber, max_viewers=settings.viewers, caption=overlay.newest(live))
    return Camera(grabber, broadcast, live, Subscribers(settings.subscribers))
