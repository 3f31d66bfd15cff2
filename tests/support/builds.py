"""`convert build` in this process, where TensorFlow is loaded already, and finished builds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from colour_photos import Photos
from commands import Ran
from convert import cli
from convert.commands import build as build_command
from convert.console import Console


@pytest.fixture
def console() -> Console:
    return Console()


def arguments(
    saved_model: Path,
    output: Path,
    photos: Photos,
    *more: str | Path,
    **replaced: Path | str | None,
) -> list[str]:
    """A good command line of `build`; an option set to None is left out."""
    options: dict[str, Path | str | None] = {
        "output": output,
        "calibration": photos.calibration,
        "validation": photos.by_class,
        "labels": photos.labels,
        "preprocessing": "tf",
    } | replaced
    named = [(f"--{k.replace('_', '-')}", str(v)) for k, v in options.items() if v is not None]
    return ["build", str(saved_model), *(text for pair in named for text in pair), *map(str, more)]


@pytest.fixture
def edge_convert(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process, where TensorFlow is loaded already."""

    def run(*args: str | Path) -> Ran:
        capfd.readouterr()
        try:
            status = cli.main([str(arg) for arg in args])
        except SystemExit as stop:  # argparse's way to say wrong usage
            status = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Ran(status, out + err)

    return run


@pytest.fixture
def build(
    edge_convert: Callable[..., Ran], photos: Photos, tmp_path: Path
) -> Callable[..., tuple[Ran, Path]]:
    """A build of a SavedModel into a fresh directory, with some options replaced."""

    def run(saved_model: Path, *more: str | Path, **replaced: Any) -> tuple[Ran, Path]:
        output = Path(replaced.pop("output", tmp_path / "out"))
        return edge_convert(*arguments(saved_model, output, photos, *more, **replaced)), output

    return run


@dataclass(frozen=True)
class Finished:
    """A finished build."""

    output: Path
    report: dict[str, Any]

    @property
    def model(self) -> Path:
        return self.output / str(self.report["file"])


def finish(folder: Path, args: list[str]) -> Finished:
    """Build and insist that a report came out."""
    status = cli.main(args)
    assert status in (0, build_command.EXIT_GATE_FAILED)
    return Finished(folder, json.loads((folder / "report.json").read_text()))


@pytest.fixture(scope="session")
def colours_build(
    models: Path, photos: Photos, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """The colour model in int8; it passes. To look at, not to change."""
    folder = tmp_path_factory.mktemp("colours_build")
    return finish(folder, arguments(models / "colours", folder, photos))


@pytest.fixture(scope="session")
def float_build(models: Path, photos: Photos, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The logits model in float32, without labels, compared on a flat folder."""
    folder = tmp_path_factory.mktemp("float_build")
    options = {"calibration": None, "labels": None, "validation": photos.flat}
    return finish(
        folder, arguments(models / "logits", folder, photos, "--recipe", "float32", **options)
    )
