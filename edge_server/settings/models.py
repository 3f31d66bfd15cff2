"""Which models are served, and what their files do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_server.configuration.declaration import setting
from edge_server.inference import normalization
from edge_server.inference.normalization import PRESETS
from edge_server.repository import rules


def _check_pins(texts: Sequence[str]) -> None:
    rules.parse_pins(texts)


def _check_numbers(text: str) -> None:
    normalization.numbers(text)


def _check_labels(texts: Sequence[str]) -> None:
    rules.parse_labels(texts)


@dataclass(frozen=True)
class ModelSettings:
    model: Path | None = setting(
        None,
        "the .tflite file to serve (default: the bundled digit classifier)",
        "FILE",
        reason="a fresh installation answers at once, with a model whose accuracy is known",
    )
    models: Path | None = setting(
        None,
        "a directory of models, DIR/NAME/VERSION/model.tflite, instead of --model; changes in it "
        "are followed without a restart",
        "DIR",
        reason="one model in one file is the simple way",
    )
    default_model: str | None = setting(
        None,
        "which of --models answers where a request names none, on the kiosk page and to the camera "
        "(default: the only one, else the first by name)",
        "NAME",
        reason="with one model there is nothing to choose",
    )
    pin: tuple[str, ...] = setting(
        (),
        "version to serve instead of the newest, for each model; the file DIR/NAME/pin goes first",
        "NAME=VERSION",
        check=_check_pins,
        reason="whoever copies a new version there wants it to answer",
    )
    version_label: tuple[str, ...] = setting(
        (),
        "version to keep loaded beside the one that is served, under a label of TensorFlow Serving",
        "NAME:LABEL=VERSION",
        check=_check_labels,
        reason="each version that is kept loaded takes memory",
    )
    models_poll: float = setting(
        1.0,
        "seconds between two looks into --models",
        "SECONDS",
        minimum=0.1,
        maximum=3600,
        reason="a look costs a few system calls for each model, and sees what NFS and rsync do",
    )
    labels: Path | None = setting(
        None,
        "labels, one a line or a label map (JSON, YAML, CSV, pbtxt), for a model that carries "
        "none or wrong ones",
        "FILE",
        reason="a file that was made for this server carries its labels",
    )
    preprocessing: str | None = setting(
        None,
        "how pixels were normalized in training, for a model that does not say it",
        choices=tuple(PRESETS),
        reason="a file that was made for this server says it, and a guess would give wrong answers",
    )
    mean: str | None = setting(
        None,
        "instead of --preprocessing: what was taken from each pixel, 0..255, in training, one "
        "number or three with commas between, in the order of the model's channels",
        "NUMBERS",
        check=_check_numbers,
        reason="the usual conventions have names for --preprocessing",
    )
    std: str | None = setting(
        None,
        "with --mean: what the rest was divided by, 127.5 or 58.4,57.1,57.4",
        "NUMBERS",
        check=_check_numbers,
        reason="the usual conventions have names for --preprocessing",
    )
    color_order: str | None = setting(
        None,
        "order of the colours that --preprocessing, or --mean and --std, mean (default: bgr for "
        "caffe, else rgb)",
        choices=("rgb", "bgr"),
        reason="each convention has a usual order, and few models differ",
    )
