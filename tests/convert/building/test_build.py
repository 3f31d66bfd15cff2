"""Whole builds of tiny models: what a good one leaves behind, and what it says of its input."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.console import Console
from convert.device import candidate
from edge_server.inference import bundle

Build = Callable[..., Any]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- What a good build leaves ------------------------------------------------------------------


def test_a_passed_build_leaves_the_model_and_its_report_alone(colours_build: Any) -> None:
    assert names(colours_build.output) == {"model.tflite", "report.html", "report.json"}
    assert colours_build.report["verdict"] == "passed"


def test_the_finished_file_names_every_colour_on_the_device(
    colours_build: Any, photos: Any
) -> None:
    files = sorted(photos.flat.iterdir())
    run = candidate.run(colours_build.model, files, threads=1, console=Console(), title="x")
    labels = bundle.read(colours_build.model).labels
    answers = [labels[row.argmax()] for row in run.scores]
    assert answers == [file.stem.split("-")[1] for file in files]


def test_golden_samples_of_every_class_are_inside(colours_build: Any) -> None:
    read = bundle.read(colours_build.model)
    assert read.manifest is not None
    samples = read.manifest.golden
    assert sorted(sample.candidate[0].index for sample in samples) == [0, 1, 2, 3]
    for sample in samples:
        assert sample.file in read.file.attached
        assert sample.original[0].index == sample.candidate[0].index
        assert sample.original[0].score == pytest.approx(sample.candidate[0].score, abs=0.05)


def test_the_manifest_carries_the_verdict_and_no_path_of_this_machine(
    colours_build: Any, photos: Any
) -> None:
    with zipfile.ZipFile(colours_build.model) as archive:
        text = archive.read("edge.json").decode()
    document = json.loads(text)
    assert document["name"] == "colours"
    assert document["validation"]["verdict"] == "passed"
    assert document["validation"]["agreement"] == colours_build.report["agreement"]
    assert str(photos.flat.parent) not in text
    assert str(colours_build.output) not in text


def test_building_twice_gives_the_same_bytes(
    build: Build, models: Path, colours_build: Any
) -> None:
    ran, output = build(models / "colours")
    assert ran.status == 0
    assert (output / "model.tflite").read_bytes() == colours_build.model.read_bytes()


def test_a_logits_model_is_served_with_probabilities(float_build: Any, photos: Any) -> None:
    assert float_build.report["output"] == "logits"
    files = sorted(photos.flat.iterdir())[:4]
    run = candidate.run(float_build.model, files, threads=1, console=Console(), title="x")
    np.testing.assert_allclose(run.scores.sum(axis=1), 1.0, atol=1e-5)
    assert list(run.scores.argmax(axis=1)) == [0, 1, 2, 3]


@pytest.mark.parametrize("model", ["logits", "sigmoid", "batch_of_1"])
def test_other_kinds_of_output_and_batch_pass_in_int8(
    build: Build, models: Path, model: str
) -> None:
    ran, _ = build(models / model)
    assert ran.status == 0, ran.said


def test_a_keras_export_builds_without_naming_a_signature(build: Build, keras_model: Path) -> None:
    ran, output = build(keras_model)
    assert ran.status == 0, ran.said
    report = json.loads((output / "report.json").read_text())
    assert report["source"]["signature"] == "serving_default"


def test_the_signature_that_was_chosen_is_what_is_converted(build: Build, models: Path) -> None:
    ran, output = build(models / "several", "--signature", "raw")
    assert ran.status == 0, ran.said
    assert json.loads((output / "report.json").read_text())["output"] == "logits"


def test_a_model_of_free_size_is_built_in_the_size_given(build: Build, models: Path) -> None:
    ran, output = build(models / "free", "--input-size", "40x32")
    assert ran.status == 0, ran.said
    manifest = bundle.read(output / "model.tflite").manifest
    assert manifest is not None
    assert (manifest.preprocessing.width, manifest.preprocessing.height) == (40, 32)


def test_a_size_that_the_model_can_not_take_is_wrong_usage(build: Build, models: Path) -> None:
    ran, output = build(models / "needs_its_size", "--input-size", "40x32")
    assert ran.status == 2
    assert "does not work on pictures of 40x32" in ran.sentence()
    assert not output.exists()


def test_a_gray_model_builds_and_says_so(build: Build, models: Path, tmp_path: Path) -> None:
    for number in range(12):
        for folder, shift in (("calibration", 7), ("validation", 0)):
            (tmp_path / folder).mkdir(exist_ok=True)
            value = (30, 128, 225)[number % 3] + shift
            file = tmp_path / folder / f"{number}.png"
            Image.new("L", (30, 30), value).save(file)
    ran, output = build(
        models / "gray",
        labels=None,
        calibration=tmp_path / "calibration",
        validation=tmp_path / "validation",
    )
    assert ran.status == 0, ran.said
    read = bundle.read(output / "model.tflite")
    assert read.standard is not None
    assert read.standard.grayscale
    assert read.labels == ("0", "1", "2")


@pytest.mark.parametrize("preset", ["unit", "raw", "torch", "caffe"])
def test_every_preprocessing_comes_out_as_it_went_in(
    build: Build, models: Path, preset: str
) -> None:
    """The answers differ from those of the right one; the candidate's must not differ from the
    original's."""
    ran, output = build(models / "colours", preprocessing=preset)
    assert ran.status == 0, ran.said
    report = json.loads((output / "report.json").read_text())
    assert report["agreement"]["top1"] == 1.0
    manifest = bundle.read(output / "model.tflite").manifest
    assert manifest is not None
    assert manifest.preprocessing.to_json() == report["preprocessing"]


def test_fit_filter_and_name_are_carried_into_the_file(build: Build, models: Path) -> None:
    ran, output = build(
        models / "colours", "--fit", "letterbox", "--filter", "nearest", "--name", "paint"
    )
    assert ran.status == 0, ran.said
    read = bundle.read(output / "model.tflite")
    assert read.manifest is not None
    assert read.name == "paint"
    assert (read.manifest.preprocessing.fit.value, read.manifest.preprocessing.filter.value) == (
        "letterbox",
        "nearest",
    )


# --- Labels ------------------------------------------------------------------------------------


def test_labels_get_into_the_model_by_the_numbers_of_the_label_map(colours_build: Any) -> None:
    assert bundle.read(colours_build.model).labels == ("red", "green", "blue", "yellow")
    assert colours_build.report["labels"] == ["red", "green", "blue", "yellow"]


def test_without_a_label_file_class_folders_give_the_labels_as_keras_orders_them(
    build: Build, models: Path
) -> None:
    ran, output = build(models / "colours", labels=None)
    assert ran.status == 0, ran.said
    assert bundle.read(output / "model.tflite").labels == ("blue", "green", "red", "yellow")


def test_without_a_label_file_and_folders_classes_are_numbers(float_build: Any) -> None:
    assert bundle.read(float_build.model).labels == ("0", "1", "2", "3")


def test_a_csv_with_labels_is_validated_as_the_folders_are(
    build: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    shutil.copytree(photos.flat, tmp_path / "set")
    rows = [f"{f.name},{n % 4}" for n, f in enumerate(sorted((tmp_path / "set").iterdir()))]
    (tmp_path / "set.csv").write_text("file,label_index\n" + "\n".join(rows) + "\n")
    ran, output = build(models / "colours", validation=tmp_path / "set.csv")
    assert ran.status == 0, ran.said
    assert json.loads((output / "report.json").read_text())["original"]["top1"] == 1.0


def test_wrong_labels_lower_both_accuracies_and_not_the_agreement(
    build: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("green\nred\nblue\nyellow\n")
    ran, output = build(models / "colours", labels=labels)
    assert ran.status == 0
    assert f"{labels}: one label a line, 4 labels (green, red, blue, ...)" in ran.said
    report = json.loads((output / "report.json").read_text())
    assert report["original"]["top1"] == report["candidate"]["top1"] == 0.5
    assert report["agreement"]["top1"] == 1.0


# --- Photos that can't be read -----------------------------------------------------------------


def spoil(files: list[Path]) -> None:
    for file in files:
        file.write_bytes(file.read_bytes()[:100])


def test_a_few_unreadable_photos_are_named_counted_and_left_out(
    build: Build, models: Path, photos: Any, tmp_path: Path
) -> None:
    for name in ("flat", "calibration"):
        shutil.copytree(getattr(photos, name), tmp_path / name)
        spoil(sorted((tmp_path / name).iterdir())[:2])
    ran, output = build(
        models / "colours", validation=tmp_path / "flat", calibration=tmp_path / "calibration"
    )
    assert ran.status == 0
    report = json.loads((output / "report.json").read_text())
    assert report["samples"] == report["validation"]["used"] == 22
    assert report["calibration"]["used"] == 22
    for name, first in (("flat", "000-red.png"), ("calibration", "000-red.jpg")):
        section = report["validation" if name == "flat" else "calibration"]
        assert len(section["unreadable"]) == 2
        assert all(reason for reason in section["unreadable"].values())
        assert "2 of 24" in ran.said
        assert str(tmp_path / name / first) in ran.said


@pytest.mark.parametrize("name", ["flat", "calibration"])
def test_too_many_unreadable_photos_stop_the_build(
    build: Build, models: Path, photos: Any, tmp_path: Path, name: str
) -> None:
    shutil.copytree(getattr(photos, name), tmp_path / name)
    spoil(sorted((tmp_path / name).iterdir())[:3])
    option = {"flat": "validation", "calibration": "calibration"}[name]
    ran, output = build(models / "colours", **{option: tmp_path / name})
    assert ran.status == 1
    assert "3 of 24 photos" in ran.sentence()
    assert "000-red" in ran.sentence()
    assert not output.exists()
