"""Every setting of the server once: name, type, default, help and the reason for the default.

A new setting is one new field in the module of its kind: option, variable, key and
`edge-server config` follow from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from camera.command import program
from edge_server.configuration import command_line, sources
from edge_server.configuration.declaration import declared
from edge_server.configuration.sources import Reading
from edge_server.settings.access import AccessSettings
from edge_server.settings.camera import CameraSettings
from edge_server.settings.inference import InferenceSettings
from edge_server.settings.limits import LimitSettings
from edge_server.settings.log import LogSettings
from edge_server.settings.models import ModelSettings
from edge_server.settings.mqtt import MqttSettings
from edge_server.settings.page import PageSettings

BUNDLED_MODEL: Final = Path(__file__).parents[1] / "models" / "digits.tflite"


@dataclass(frozen=True)
class Settings(
    # A dataclass has the fields of its last base first.
    LogSettings,
    LimitSettings,
    InferenceSettings,
    PageSettings,
    MqttSettings,
    CameraSettings,
    AccessSettings,
    ModelSettings,
):
    """What the server runs with. Paths and addresses are as given; 0 means choose."""

    @property
    def model_file(self) -> Path:
        return self.model if self.model is not None else BUNDLED_MODEL

    @property
    def camera_spec(self) -> str | None:
        """The camera's specification, None for no camera."""
        if self.camera is None:
            return "demo" if self.model is None and self.models is None else None
        return None if self.camera == "none" else self.camera


def read(
    arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings from command line, environment and file; None means those of this process.

    Raises SettingError, with a sentence for each wrong name and value. --help ends the process.
    """
    return read_with_sources(parser(), arguments, environment).settings


def read_with_sources(
    options: argparse.ArgumentParser,
    arguments: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Reading[Settings]:
    """As read(), with the place that each comes from; `options` has those of parser()."""
    return sources.read(Settings, options, arguments, environment)


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m edge_server`."""
    made = command_line.Parser(
        prog=program("edge_server"),
        description="Serve an image classifier over HTTP, from uploads and a camera. Each option "
        "can also be given as an environment variable (--max-body as EDGE_MAX_BODY) or in a TOML "
        "file (max-body = 32); the command line goes before the environment, and that before the "
        "file.",
        epilog="Other commands: `config` shows every setting, where its value comes from and why "
        "its default is as it is; `selftest FILE` runs the samples that a model carries and shows "
        "whether this device answers as it should; `kiosk` shows the page on this device's own "
        "screen.",
    )
    command_line.add_options(made, declared(Settings))
    return made
