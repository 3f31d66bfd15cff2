"""MediaPipe loads our files as they are and answers as our server does, on real photos.

It runs in its own environment (`scripts/environment mediapipe`), which EDGE_MEDIAPIPE_PYTHON names.
`pytest -s` prints the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from convert import calibration, photos, quantize, recipes
from convert.console import Console
from convert.device import candidate
from convert.file import bundle_writer, portability
from edge_server.inference import bundle, decoding, labels, preprocessing
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import Filter, Fit, Preprocessing
from tools import missing

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(
    os.environ.get("EDGE_MEDIAPIPE_PYTHON", ROOT / ".venv" / "mediapipe" / "bin" / "python")
)

CLASSIFY = """
import json, sys
import mediapipe, numpy
from mediapipe.tasks.python import BaseOptions, vision

request = json.load(sys.stdin)
base = BaseOptions(model_asset_path=request["model"])
try:
    classifier = vision.ImageClassifier.create_from_options(
        vision.ImageClassifierOptions(base_options=base, max_results=1)
    )
except (ValueError, NotImplementedError, RuntimeError) as error:
    print(json.dumps({"refused": str(error)}))
    sys.exit()
if "pictures" in request:
    srgb = mediapipe.ImageFormat.SRGB
    images = (mediapipe.Image(srgb, picture) for picture in numpy.load(request["pictures"]))
else:
    images = map(mediapipe.Image.create_from_file, request["photos"])
answers = [classifier.classify(image).classifications[0].categories[0] for image in images]
print(json.dumps({"answers": [[a.index, a.category_name, a.score] for a in answers]}))
"""

# The official reader, of code generated from metadata_schema.fbs. MediaPipe 1.2 ships it without
# the one C module that it imports, which is only for writing.
DISPLAY = """
import sys, types
for name in ("mediapipe.tasks.cc", "mediapipe.tasks.cc.metadata",
             "mediapipe.tasks.cc.metadata.python"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules[name]._pywrap_metadata_version = None
from mediapipe.tasks.python.metadata.metadata import MetadataDisplayer
shown = MetadataDisplayer.with_model_file(sys.argv[1])
import json
print(json.dumps({"files": shown.get_packed_associated_file_list(),
                  "metadata": json.loads(shown.get_metadata_json())}))
"""


class Answer(NamedTuple):
    """MediaPipe's best class."""

    index: int
    label: str
    score: float


def in_mediapipe(script: str, *args: Path, request: dict[str, Any] | None = None) -> Any:
    """The JSON that a script prints in MediaPipe's environment."""
    if not PYTHON.exists():
        missing("mediapipe", f"needs MediaPipe in {PYTHON}: run scripts/environment mediapipe")
    done = subprocess.run(
        [PYTHON, "-c", script, *args],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def classify(model: Path, **pictures: Any) -> list[Answer]:
    said = in_mediapipe(CLASSIFY, request={"model": str(model), **pictures})
    return [Answer(*answer) for answer in said["answers"]]


def refusal(model: Path) -> str:
    said = in_mediapipe(CLASSIFY, request={"model": str(model), "photos": []})
    return str(said.get("refused", ""))


class Real:
    """The hard model and its photos, converted by the product's own code."""

    def __init__(self, shared: Path, folder: Path) -> None:
        from convert.sources import source

        self.folder = folder
        self.labels = labels.read(shared / "imagenet_labels.txt").names
        self.source = source.load(shared / "saved_models" / "mobilenet_v1_025_224", None, None)
        self.tests = photos.read(shared / "photos" / "validation.csv", self.labels, 1001)
        self._pool = photos.read(shared / "photos" / "calibration", self.labels, 1001)
        self._graphs: dict[tuple[Preprocessing, str, str | None], bytes] = {}
        self.files = [photo.path for photo in self.tests.photos]
        self.pixels = [decoding.decode(file.read_bytes()) for file in self.files]

    def graph(self, spec: Preprocessing, recipe: str, io: str | None = None) -> bytes:
        key = (spec, recipe, io)
        if key not in self._graphs:
            self._graphs[key] = self._convert(spec, recipe, io)
        return self._graphs[key]

    def _convert(self, spec: Preprocessing, recipe: str, io: str | None) -> bytes:
        chosen = recipes.get(recipe, io)
        calibrated = None
        if chosen.needs_calibration:
            calibrated = calibration.load(self._pool, spec, 24, Console())
        return quantize.convert(self.source, chosen, calibrated, Console())

    def write(self, graph: bytes, spec: Preprocessing, recipe: str, name: str) -> Path:
        manifest = Manifest(name, spec, Output.PROBABILITIES, recipe)
        file = self.folder / f"{name}.tflite"
        file.write_bytes(bundle_writer.write(graph, manifest, self.labels, {}))
        return file

    def resized(self, spec: Preprocessing) -> Path:
        """The photos as the model sees them, uint8 (photos, h, w, 3) RGB."""
        file = self.folder / "resized.npy"
        np.save(file, np.stack([preprocessing.resize(pixels, spec) for pixels in self.pixels]))
        return file

    def ours(self, model: Path) -> Any:
        """Scores (photos, classes) by the device's code."""
        return candidate.run(model, self.files, threads=2, console=Console(), title="ours").scores


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Real:
    return Real(shared, tmp_path_factory.mktemp("mediapipe"))


def spec_of(preset: str) -> Preprocessing:
    return preprocessing.from_preset(preset, width=224, height=224)


def compare(title: str, answers: list[Answer], scores: Any) -> tuple[int, int]:
    """How often the best class is the same, and how often it is or ties with ours to the last bit.

    Among equal scores, of which 8 bits give many, MediaPipe takes any and our server the first.
    """
    indices = np.array([answer.index for answer in answers])
    best = scores.max(axis=1)
    same = int((indices == scores.argmax(axis=1)).sum())
    tied = int((scores[np.arange(len(indices)), indices] == best).sum())
    print(f"{title}: MediaPipe has the same top-1 on {same} of {len(best)}, or a tie on {tied}")
    return same, tied


@pytest.mark.shared
@pytest.mark.parametrize(
    ("preset", "recipe", "moved"),
    [
        ("tf", "float32", False),
        ("tf", "int8", False),
        ("torch", "int8", True),
        ("caffe", "dynamic", True),
    ],
)
def test_mediapipe_answers_as_our_server(real: Real, preset: str, recipe: str, moved: bool) -> None:
    """The same 200 photos, resized by us: metadata, normalization, quantization and labels."""
    given = spec_of(preset)
    graph, spec = portability.adapt(real.graph(given, recipe), given)
    assert (spec != given) is moved
    model = real.write(graph, spec, recipe, f"{preset}-{recipe}")
    scores = real.ours(model)
    answers = classify(model, pictures=str(real.resized(spec)))
    assert len(answers) == len(scores) == 200
    same, tied = compare(model.stem, answers, scores)
    assert tied == 200
    if recipe != "int8":
        assert same == 200
    assert [a.label for a in answers] == [real.labels[a.index] for a in answers]
    assert np.abs([a.score for a in answers] - scores.max(axis=1)).max() < 1e-5


@pytest.mark.shared
def test_mediapipe_stretches_whole_photos(real: Real) -> None:
    """No metadata can tell it to crop: a model built with --fit stretch is what it serves.

    It samples without the half pixel that ours, TensorFlow and OpenCV shift by: 176 of 200 then.
    """
    spec = replace(spec_of("tf"), filter=Filter.BILINEAR)
    graph = real.graph(spec_of("tf"), "float32")
    photo_files = [str(file) for file in real.files]
    agreed = {}
    for fit in (Fit.STRETCH, Fit.CENTER_CROP):
        model = real.write(graph, replace(spec, fit=fit), "float32", f"whole-{fit.value}")
        answers = classify(model, photos=photo_files)
        agreed[fit], _ = compare(f"whole photos, ours by {fit.value}", answers, real.ours(model))
    assert agreed[Fit.STRETCH] >= 160
    assert agreed[Fit.STRETCH] > agreed[Fit.CENTER_CROP] + 20


@pytest.mark.shared
@pytest.mark.parametrize(
    ("preset", "recipe", "io", "why", "words"),
    [
        ("torch", "float32", None, "channel to channel", "Per-channel image normalization"),
        ("tf", "int8", "int8", "neither uint8 nor float32", "uint8/float32, got INT8"),
    ],
)
def test_what_is_called_an_obstacle_mediapipe_refuses(
    real: Real, preset: str, recipe: str, io: str | None, why: str, words: str
) -> None:
    spec = spec_of(preset)
    graph = real.graph(spec, recipe, io)
    said = portability.obstacle(graph, spec)
    assert said is not None
    assert why in said
    assert words in refusal(real.write(graph, spec, recipe, "refused"))


def test_a_gray_model_is_taken_once_it_takes_colour(bundled_model: Path, tmp_path: Path) -> None:
    """The digits: MediaPipe knows no gray pictures, so the graph makes them gray."""
    digits = bundle.read(bundled_model)
    assert digits.manifest is not None
    assert digits.manifest.preprocessing.channels == 1
    assert "Only RGB" in refusal(bundled_model)
    graph, spec = portability.adapt(bundled_model.read_bytes(), digits.manifest.preprocessing)
    manifest = replace(digits.manifest, preprocessing=spec, golden=())
    model = tmp_path / "colour.tflite"
    model.write_bytes(bundle_writer.write(graph, manifest, digits.labels, {}))
    files, pictures = [], []
    for sample in digits.manifest.golden:
        files.append(tmp_path / Path(sample.file).name)
        files[-1].write_bytes(digits.file.attached[sample.file])
        pictures.append(preprocessing.resize(decoding.decode(files[-1].read_bytes()), spec))
    np.save(tmp_path / "pictures.npy", np.stack(pictures))
    answers = classify(model, pictures=str(tmp_path / "pictures.npy"))
    scores = candidate.run(model, files, threads=1, console=Console(), title="ours").scores
    assert [a.index for a in answers] == scores.argmax(axis=1).tolist()
    assert [a.index for a in answers] == [g.candidate[0].index for g in digits.manifest.golden]


def test_the_official_reader_shows_labels_and_normalization(
    bundled_model: Path, tmp_path: Path
) -> None:
    """What Netron and Android Studio show comes from these fields."""
    spec = preprocessing.from_preset("tf", width=32, height=32)
    described = Manifest("digits", spec, Output.PROBABILITIES, "int8")
    model = tmp_path / "model.tflite"
    labels = [str(digit) for digit in range(10)]
    model.write_bytes(bundle_writer.write(bundled_model.read_bytes(), described, labels, {}))
    said = in_mediapipe(DISPLAY, model)
    assert {"labels.txt", "edge.json"} <= set(said["files"])
    metadata = said["metadata"]
    assert metadata["min_parser_version"] == "1.0.0"
    (graph,) = metadata["subgraph_metadata"]
    (image,) = graph["input_tensor_metadata"]
    assert image["content"]["content_properties_type"] == "ImageProperties"
    assert image["content"]["content_properties"]["color_space"] == "RGB"
    (unit,) = image["process_units"]
    assert unit["options"] == {"mean": [127.5], "std": [127.5]}
    assert image["stats"] == {"max": [255.0], "min": [0.0]}
    assert "(pixel - 127.5) / 127.5" in image["description"]
    (scores,) = graph["output_tensor_metadata"]
    (labels,) = scores["associated_files"]
    assert (labels["name"], labels["type"]) == ("labels.txt", "TENSOR_AXIS_LABELS")
