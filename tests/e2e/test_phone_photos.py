"""MobileNetV2 from its SavedModel: large photos, and its int8 file as others would have it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
DEVICE_PYTHON = os.environ.get("EDGE_DEVICE_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def built(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Converts with these options, each once."""

    @cache
    def make(*options: str) -> Path:
        output = tmp_path_factory.mktemp("v2")
        photos = shared / "photos"
        command = [
            *(sys.executable, "-m", "convert", "build"),
            *(shared / "saved_models" / "mobilenet_v2_100_224", "--output", output, *options),
            *("--preprocessing", "tf", "--labels", shared / "imagenet_labels.txt"),
            *("--calibration", photos / "calibration"),
            # What int8 costs is not the question here: a few photos, and no verdict by them.
            *("--validation", photos / "full_size", "--min-agreement", "0"),
        ]
        done = subprocess.run(
            list(map(str, command)), cwd=ROOT, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return output / "model.tflite"

    return make


@pytest.fixture(scope="module")
def int8(built: Callable[..., Path]) -> Path:
    return built("--recipe", "int8", "--io", "int8")


def test_large_photos_are_answered_as_after_full_decoding(
    built: Callable[..., Path], int8: Path, shared: Path
) -> None:
    done = subprocess.run(
        [
            *(DEVICE_PYTHON, ROOT / "tests" / "bench" / "phone_photos.py"),
            *(built("--recipe", "float32"), int8),
            *("--photos", shared / "photos" / "validation.csv", "--json"),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["photos"] == 200
    assert found["reduced_by"] == [2]
    assert found["largest_difference"] <= 2
    assert found["reduced_ms"] < 0.6 * found["whole_ms"]
    plain, quantized = found["models"]
    assert plain["answered_otherwise"] == 0
    # Rounded to 8 bits inside, a model changes its mind about near ties whenever a few values of
    # its input are one level off: no decoder but the very same one could keep them all.
    # Pixels that are one level off at random change it as often.
    assert quantized["answered_otherwise"] <= quantized["dithered"] + 1
    assert all(margin < 0.15 for margin in quantized["margins"])
    assert abs(quantized["right_whole"] - quantized["right_reduced"]) <= 2


def test_an_int8_file_with_standard_metadata_alone_is_served(
    int8: Path, shared: Path, run_server: Any, tmp_path: Path
) -> None:
    with zipfile.ZipFile(int8) as archive:
        graph = int8.read_bytes()[: min(info.header_offset for info in archive.infolist())]
        labels = archive.read("labels.txt")
    stream = io.BytesIO(graph)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("labels.txt", labels)
    foreign = tmp_path / "foreign.tflite"
    foreign.write_bytes(stream.getvalue())
    with run_server(["--model", foreign]) as server:
        for photo, label in (("parrot.jpg", "macaw"), ("n07753592_banana.jpg", "banana")):
            data = (shared / "photos" / "full_size" / photo).read_bytes()
            answer = requests.post(f"{server.url}/predict", data=data, timeout=30).json()
            assert answer["prediction"] == label
            assert answer["confidence"] > 0.5
            assert answer["model"]["recipe"] == "unknown"
