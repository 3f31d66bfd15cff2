"""Real ImageNet models: SavedModel -> int8 -> served in the device's environment."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests


def build(shared: Path, name: str, output: Path) -> subprocess.CompletedProcess[str]:
    """The README's command, on the real photos."""
    command = [
        *(sys.executable, "-m", "convert", "build", shared / "saved_models" / name),
        *("--output", output, "--recipe", "int8", "--preprocessing", "tf"),
        *("--calibration", shared / "photos" / "calibration"),
        *("--validation", shared / "photos" / "validation.csv"),
        *("--labels", shared / "imagenet_labels.txt"),
    ]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        list(map(str, command)), cwd=root, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def mobilenet_v2(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("v2")
    done = build(shared, "mobilenet_v2_100_224", output)
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def url(mobilenet_v2: Path, run_server: Any) -> Iterator[str]:
    with run_server(["--model", mobilenet_v2 / "model.tflite"]) as server:
        yield server.url


def test_int8_agrees_with_the_original_on_unseen_photos(mobilenet_v2: Path) -> None:
    report = json.loads((mobilenet_v2 / "report.json").read_text())
    assert report["verdict"] == "passed"
    assert report["samples"] == 200
    assert report["agreement"]["top1"] >= 0.975
    lost = report["original"]["top1"] - report["candidate"]["top1"]
    assert lost == pytest.approx(0, abs=0.01 + 1e-9)


@pytest.mark.parametrize(
    ("photo", "label"), [("parrot.jpg", "macaw"), ("n07753592_banana.jpg", "banana")]
)
def test_the_server_names_what_is_in_a_photo(
    shared: Path, url: str, photo: str, label: str
) -> None:
    data = (shared / "photos" / "full_size" / photo).read_bytes()
    answer = requests.post(f"{url}/predict", data=data, timeout=30).json()
    assert answer["prediction"] == label
    assert answer["confidence"] > 0.9


def test_the_owl_of_a_kind_that_imagenet_lacks_is_among_the_first_five(
    shared: Path, url: str
) -> None:
    # A burrowing owl; the only owl among the labels is the great grey one, and the original too
    # prefers other birds of prey and of its pattern.
    data = (shared / "photos" / "full_size" / "owl.jpg").read_bytes()
    answer = requests.post(f"{url}/predict", data=data, timeout=30).json()
    assert any("owl" in entry["label"] for entry in answer["top_k"])


def test_a_batch_is_answered_in_the_order_sent(shared: Path, url: str) -> None:
    folder = shared / "photos" / "full_size"
    names = ["n07753592_banana.jpg", "parrot.jpg", "n02128385_leopard.jpg"]
    images = [base64.b64encode((folder / name).read_bytes()).decode() for name in names]
    answer = requests.post(f"{url}/predict", json={"images": images}, timeout=30).json()
    assert [label.split(",")[0] for label in answer["predictions"]] == [
        *("banana", "macaw", "leopard"),
    ]


def test_mobilenet_v1_is_built_and_served_whatever_its_verdict(
    shared: Path, run_server: Any, tmp_path: Path
) -> None:
    done = build(shared, "mobilenet_v1_025_224", tmp_path)
    assert done.returncode in (0, 3), done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    data = (shared / "photos" / "full_size" / "parrot.jpg").read_bytes()
    with run_server(["--model", tmp_path / report["file"]]) as server:
        answer = requests.post(f"{server.url}/predict", data=data, timeout=30).json()
    assert answer["prediction"] == "macaw"


def test_a_client_of_the_original_in_tensorflow_serving_gets_its_answers(
    shared: Path, url: str
) -> None:
    # What it sends is what the SavedModel took: float numbers from -1 to 1.
    import numpy as np
    import tensorflow as tf

    model = tf.saved_model.load(str(shared / "saved_models" / "mobilenet_v2_100_224"))
    signature = model.signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]
    photos = sorted((shared / "photos" / "validation").rglob("*.jp*g"))[:200:20]
    same = 0
    for photo in photos:
        picture = tf.image.resize(tf.io.decode_jpeg(photo.read_bytes(), 3), (224, 224))
        tensor = (picture / 127.5 - 1.0).numpy()[np.newaxis]
        (original,) = signature(**{name: tf.constant(tensor)}).values()
        answer = requests.post(
            f"{url}/v1/models/mobilenet_v2_100_224:predict",
            json={"instances": [{name: row} for row in tensor.tolist()]},
            timeout=30,
        ).json()
        scores = np.array(answer["predictions"])
        assert scores.shape == original.shape
        same += int(scores.argmax() == original.numpy().argmax())
    assert len(photos) == 10
    assert same >= 9
