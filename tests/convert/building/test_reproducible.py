"""The same inputs and versions give the same file, byte for byte.

Two processes at the same time that differ in all that must not matter: the seed of Python's
hashes, threads, time zone, directories.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from edge_server.inference import tflite_file

SURROUNDINGS = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
    {
        "PYTHONHASHSEED": "4242",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C.UTF-8",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    },
)


def parts(data: bytes) -> dict[str, bytes]:
    """What is in the file, so that a difference has a name."""
    file = tflite_file.parse(data, "built")
    metadata = {f"metadata {name}": content for name, content in file.metadata.items()}
    return metadata | {f"attached {name}": content for name, content in file.attached.items()}


@pytest.fixture
def build_twice(command: Callable[..., Any], tmp_path: Path) -> Callable[..., list[bytes]]:
    """Build in two processes, each with a copy of the SavedModel in a directory of its own."""

    def build(saved_model: Path, *options: str | Path) -> list[bytes]:
        def one(number: int) -> bytes:
            folder = tmp_path / ("a" * (1 + 7 * number))
            shutil.copytree(saved_model, folder / "saved_model")
            (folder / "tmp").mkdir()
            environment = os.environ | SURROUNDINGS[number] | {"TMPDIR": str(folder / "tmp")}
            output = folder / "out"
            ran = command(
                *("build", folder / "saved_model", "--output", output, *options),
                env=environment,
            )
            assert ran.status in (0, 3), ran.said
            (model,) = output.glob("*.tflite")
            return model.read_bytes()

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, range(2)))

    return build


def insist(first: bytes, second: bytes) -> None:
    one, other = parts(first), parts(second)
    assert list(one) == list(other)
    assert {name for name in one if one[name] != other[name]} == set()
    assert first == second, "the graph differs"


@pytest.mark.parametrize("recipe", ["int8", "float32"])
def test_a_small_model_is_the_same_twice(
    build_twice: Callable[..., list[bytes]], models: Path, photos: Any, recipe: str
) -> None:
    options = ["--validation", photos.by_class, "--labels", photos.labels, "--recipe", recipe]
    if recipe == "int8":
        options += ["--calibration", photos.calibration]
    insist(*build_twice(models / "colours", *options, "--preprocessing", "torch"))


@pytest.mark.shared
def test_a_real_int8_model_is_the_same_twice(
    build_twice: Callable[..., list[bytes]], shared: Path
) -> None:
    """With thousands of weights, and sums over photos that threads could do in another order."""
    photos = shared / "photos"
    first, second = build_twice(
        shared / "saved_models" / "mobilenet_v1_025_224",
        *("--validation", photos / "validation.csv", "--calibration", photos / "calibration"),
        *("--calibration-limit", "32", "--labels", shared / "imagenet_labels.txt"),
        *("--preprocessing", "tf", "--recipe", "int8"),
    )
    assert len(first) > 500_000
    insist(first, second)
