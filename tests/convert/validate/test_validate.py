"""python -m convert validate: any original against any .tflite, in this process and its child."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.device import candidate_file
from convert.device.candidate_file import Given
from convert.errors import UsageError
from edge_server.inference import tflite_file

# --- Our own files ----------------------------------------------------------------------------


def test_a_file_of_ours_is_compared_as_it_says_itself(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any
) -> None:
    said = run(models / "colours", colours_build.model, "--validation", photos.by_class, "--json")
    document = said.json()
    assert said.status == 0
    assert document["verdict"] == "passed"
    assert document["agreement"]["top1"] == colours_build.report["agreement"]["top1"]
    assert document["candidate"]["top1"] == colours_build.report["candidate"]["top1"]
    assert document["preprocessing"] == colours_build.report["preprocessing"]
    assert document["preprocessing_from"] == "edge.json"
    assert document["golden_samples"] == colours_build.report["golden_samples"]
    assert document["same_source"] is True
    assert document["file"]["sha256"] == colours_build.report["sha256"]


def test_the_text_names_both_and_the_runtime(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any
) -> None:
    said = run(models / "colours", colours_build.model, "--validation", photos.by_class)
    assert said.out.startswith("passed: the same answer as the original on 100.0% of 24 photos")
    assert "The file was converted from it: the fingerprint is the same." in said.out
    assert "median" in said.out
    assert re.search(r"\d+ of \d+ operators run inside XNNPACK, in \d+ part", said.out)
    assert "samples reproduced" in said.out
    assert max(map(len, said.out.splitlines())) <= 100


def test_another_model_s_file_is_compared_with_a_warning(
    run: Callable[..., Any], models: Path, keras_model: Path, photos: Any, colours_build: Any
) -> None:
    said = run(keras_model, colours_build.model, "--validation", photos.by_class)
    assert said.status == 0
    assert "warning" in said.out
    assert "converted from another model" in said.out


def test_labels_given_to_a_file_of_ours_keep_its_golden_samples(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any
) -> None:
    document = run(
        models / "colours", colours_build.model, "--validation", photos.by_class,
        "--labels", photos.labels, "--json",
    ).json()  # fmt: skip
    assert document["golden_samples"] == colours_build.report["golden_samples"]
    assert document["labels"] == ["red", "green", "blue", "yellow"]


def test_other_preprocessing_replaces_the_file_s_own(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any
) -> None:
    document = run(
        models / "colours", colours_build.model, "--validation", photos.by_class,
        "--preprocessing", "unit", "--json",
    ).json()  # fmt: skip
    assert document["preprocessing_from"] == "options"
    assert document["preprocessing"]["std"] == [255.0]
    # Its golden answers were made with another.
    assert document["golden_samples"] == 0


def test_a_file_that_says_everything_is_run_itself(colours_build: Any, tmp_path: Path) -> None:
    file = candidate_file.read(colours_build.model, Given())
    assert file.runnable(tmp_path) == colours_build.model
    assert list(tmp_path.iterdir()) == []


# --- What does not fit ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("original", "sentence"),
    [
        ("gray", "takes pictures of 24x24x3"),
        ("crude", "puts out 4 classes but"),
        ("words", "does not take one image"),
        ("several", "several signatures"),
        ("nowhere", "There is no"),
    ],
)
def test_another_network_is_refused_in_a_sentence(
    run: Callable[..., Any],
    models: Path,
    photos: Any,
    colours_build: Any,
    original: str,
    sentence: str,
) -> None:
    said = run(models / original, colours_build.model, "--validation", photos.by_class)
    assert (said.status, said.out) == (2, "")
    assert sentence in said.sentence()


def test_shapes_and_classes_are_compared_before_tensorflow_is_loaded(
    models: Path, colours_build: Any
) -> None:
    file = candidate_file.read(colours_build.model, Given())
    with pytest.raises(UsageError, match="24x24x3"):
        candidate_file.check_pair(file, models / "gray", None)
    with pytest.raises(UsageError, match="4 classes"):
        candidate_file.check_pair(file, models / "crude", None)
    assert candidate_file.check_pair(file, models / "colours", None) is None
    assert candidate_file.check_pair(file, models / "free", None) == (24, 24)


def test_a_fit_for_a_file_that_says_its_own_is_refused(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any
) -> None:
    said = run(
        models / "colours", colours_build.model, "--validation", photos.flat, "--fit", "stretch"
    )
    assert said.status == 2
    assert "drop --fit" in said.sentence()


def test_labels_of_another_count_are_refused(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\n")
    said = run(
        models / "colours", colours_build.model, "--validation", photos.flat, "--labels", labels
    )
    assert said.status == 2
    assert "4 classes" in said.sentence()
    assert "2 labels" in said.sentence()


def test_what_is_no_image_classifier_is_refused(
    run: Callable[..., Any], models: Path, photos: Any, shared: Path
) -> None:
    file = shared / "tflite" / "fails_at_invoke.tflite"
    said = run(models / "colours", file, "--validation", photos.flat)
    assert said.status == 2
    assert "no image classifier" in said.sentence()


def test_a_tflite_is_no_original(run: Callable[..., Any], photos: Any, colours_build: Any) -> None:
    said = run(colours_build.model, colours_build.model, "--validation", photos.flat)
    assert said.status == 2
    assert "converted from" in said.sentence()


def test_a_file_that_does_not_reproduce_its_golden_samples_fails(
    run: Callable[..., Any], models: Path, photos: Any, colours_build: Any, tmp_path: Path
) -> None:
    """A weight that was changed after the build, as a bad copy or a bad tool does."""
    from convert.file import tflite_schema

    data = colours_build.model.read_bytes()
    root = tflite_schema.unpack(data)
    for tensor in root.subgraphs[0].tensors:
        content = root.buffers[tensor.buffer].data
        if content is not None and tensor.type == tflite_schema.schema.TensorType.INT8:
            root.buffers[tensor.buffer].data = np.roll(np.asarray(content), 1)
    stream = io.BytesIO()
    stream.write(tflite_schema.pack(root))
    with zipfile.ZipFile(stream, "a") as archive:
        for name, attached in tflite_file.parse(data, "x").attached.items():
            archive.writestr(name, attached)
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(stream.getvalue())
    said = run(models / "colours", broken, "--validation", photos.flat)
    assert said.status == 1
    assert "golden" in said.sentence() or "sample" in said.sentence()
