"""What every test of conversion may use: the tiny models, their photos and builds of them.

They stand in tests/support, which pytest puts on the path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import builds
import colour_models
import colour_photos
import commands
from builds import Finished, build, colours_build, console, edge_convert, float_build
from colour_models import keras_model, models
from colour_photos import photos
from commands import Ran, fake_runtime

# Fixtures of other modules, which pytest finds by their names here.
__all__ = [
    "build",
    "colours_build",
    "console",
    "edge_convert",
    "fake_runtime",
    "float_build",
    "keras_model",
    "models",
    "photos",
]


@pytest.fixture(scope="session")
def save_functions() -> Callable[..., Path]:
    return colour_models.save_functions


@pytest.fixture(scope="session")
def colour_logits() -> Callable[..., Any]:
    return colour_models.colour_logits


@pytest.fixture(scope="session")
def write_photos() -> Callable[..., list[Path]]:
    return colour_photos.write_photos


@pytest.fixture(scope="session")
def arguments() -> Callable[..., list[str]]:
    return builds.arguments


@pytest.fixture(scope="session")
def finish() -> Callable[..., Finished]:
    return builds.finish


@pytest.fixture(scope="session")
def command() -> Callable[..., Ran]:
    return commands.command


@pytest.fixture(scope="session")
def without_tensorflow() -> Callable[..., Any]:
    return commands.without_tensorflow
