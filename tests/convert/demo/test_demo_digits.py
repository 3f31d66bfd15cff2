"""The demo's digits: the split, the pictures, and the model and camera sheet made from them.

The model is not trained anew here (a minute); what is in the checkout is held to what it claims.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from camera.sources.demo import demo_digits, picture
from convert import photos
from convert.console import Console
from convert.demo import augment, digits, train
from convert.demo.digits import Digits
from convert.device import candidate
from convert.metrics import top_k_accuracy
from edge_server.inference import bundle, decoding, labels


@pytest.fixture(scope="module")
def split() -> tuple[Digits, Digits]:
    return digits.split()


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Any:
    root: Path = request.getfixturevalue("root")
    return json.loads((root / "edge_server" / "models" / "digits.report.json").read_text())


# --- The split ---------------------------------------------------------------------------------


def test_training_and_held_out_digits_are_all_digits_once(split: tuple[Digits, Digits]) -> None:
    both = np.concatenate([part.tiles.reshape(-1, 64) for part in split])
    every = np.rint(load_digits().data * (255 / 16)).astype(np.uint8)
    assert len(split[1].tiles) == digits.HELD_OUT == 540
    assert len(both) == len(every) == 1797
    assert sorted(map(bytes, both)) == sorted(map(bytes, every))


def test_no_held_out_picture_is_among_the_training_pictures(split: tuple[Digits, Digits]) -> None:
    training, held_out = ({bytes(tile) for tile in part.tiles} for part in split)
    assert training.isdisjoint(held_out)


def test_every_class_is_held_out_in_its_share(split: tuple[Digits, Digits]) -> None:
    counts = np.bincount(split[1].labels, minlength=10)
    assert counts.min() >= 50
    assert counts.max() <= 58


def test_the_split_is_the_same_every_time(split: tuple[Digits, Digits]) -> None:
    again = digits.split()
    for before, after in zip(split, again, strict=True):
        np.testing.assert_array_equal(before.tiles, after.tiles)
        np.testing.assert_array_equal(before.labels, after.labels)


def test_labels_belong_to_their_tiles(split: tuple[Digits, Digits]) -> None:
    data = load_digits()
    known = {
        bytes(np.rint(image * (255 / 16)).astype(np.uint8)): int(label)
        for image, label in zip(data.images, data.target, strict=True)
    }
    for part in split:
        assert [known[bytes(tile)] for tile in part.tiles] == list(part.labels)


# --- Pictures ----------------------------------------------------------------------------------


def test_a_photo_is_the_centre_of_what_the_camera_shows(split: tuple[Digits, Digits]) -> None:
    shown = Image.fromarray(picture(split[1].tiles, 7))
    square = shown.crop((80, 0, 560, 480)).convert("L").resize((96, 96), Image.Resampling.LANCZOS)
    assert digits.photo(split[1], 7).tobytes() == square.tobytes()


def test_photos_are_written_in_a_folder_for_each_class(
    split: tuple[Digits, Digits], tmp_path: Path
) -> None:
    few = Digits(split[1].tiles[:30], split[1].labels[:30])
    stale = tmp_path / "set" / "9" / "stale.png"
    stale.parent.mkdir(parents=True)
    stale.touch()
    digits.write_folders(few, tmp_path / "set")
    found = photos.read(tmp_path / "set", tuple("0123456789"), 10)
    assert found.labelled
    assert len(found.photos) == 30
    assert {int(p.path.stem): p.label for p in found.photos} == dict(enumerate(few.labels))


def test_calibration_photos_are_training_digits(
    split: tuple[Digits, Digits], tmp_path: Path
) -> None:
    digits.write_calibration(split[0], tmp_path / "calibration")
    files = sorted((tmp_path / "calibration").iterdir())
    assert len(files) == 200
    for index in (0, 100, 199):
        assert Image.open(files[index]).tobytes() == digits.photo(split[0], index).tobytes()


def test_the_label_map_names_each_digit_by_itself(tmp_path: Path) -> None:
    digits.write_label_map(tmp_path / "label_map.json")
    read = labels.read(tmp_path / "label_map.json")
    assert (read.form, read.names) == ("JSON, index to name", tuple("0123456789"))


def test_augmentation_keeps_shape_range_and_varies(split: tuple[Digits, Digits]) -> None:
    ink = np.kron(split[0].tiles[0], np.ones((4, 4))).astype(np.float32) / 255
    rng = np.random.default_rng(1)
    made = [augment.augment(ink, rng) for _ in range(20)]
    assert {one.shape for one in made} == {(32, 32)}
    assert {one.dtype for one in made} == {np.dtype(np.float32)}
    assert all(one.min() >= 0 and one.max() <= 1 for one in made)
    dark_on_light = [one.mean() > 0.5 for one in made]
    assert any(dark_on_light)
    assert not all(dark_on_light)


def test_augmentation_is_repeated_by_its_seed(split: tuple[Digits, Digits]) -> None:
    ink = np.kron(split[0].tiles[0], np.ones((4, 4))).astype(np.float32) / 255
    once, again = (augment.augment(ink, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_the_network_takes_the_specified_input_and_stays_small() -> None:
    network = train.model()
    spec = train.specification()
    assert network.input_shape == (None, spec.height, spec.width, spec.channels)
    assert network.output_shape == (None, 10)
    assert network.count_params() < 100_000


# --- What is in the checkout -------------------------------------------------------------------


def test_the_camera_shows_exactly_the_held_out_digits(split: tuple[Digits, Digits]) -> None:
    tiles, labels = demo_digits()
    np.testing.assert_array_equal(tiles, split[1].tiles)
    assert [int(label) for label in labels] == list(split[1].labels)


def test_the_camera_sheet_is_what_the_script_writes(
    split: tuple[Digits, Digits], root: Path, tmp_path: Path
) -> None:
    digits.write_sheet(split[1], tmp_path / "sheet.png", tmp_path / "sheet.txt")
    bundled = root / "camera" / "sources"
    assert (tmp_path / "sheet.txt").read_text() == (bundled / "demo_digits.txt").read_text()
    fresh, kept = Image.open(tmp_path / "sheet.png"), Image.open(bundled / "demo_digits.png")
    assert (fresh.mode, fresh.size) == (kept.mode, kept.size) == ("L", (160, 216))
    assert fresh.tobytes() == kept.tobytes()


def test_the_bundled_model_is_small_and_the_one_that_its_report_describes(
    bundled_model: Path, report: Any
) -> None:
    data = bundled_model.read_bytes()
    assert len(data) == report["size_bytes"] < 200_000
    assert hashlib.sha256(data).hexdigest() == report["sha256"]


def test_the_bundled_model_says_what_its_report_says(bundled_model: Path, report: Any) -> None:
    read = bundle.read(bundled_model)
    assert read.manifest is not None
    assert read.manifest.validation is not None
    assert read.labels == tuple("0123456789")
    assert (read.name, read.manifest.recipe) == ("digits", report["recipe"])
    assert read.manifest.validation["agreement"] == report["agreement"]
    assert read.manifest.source["fingerprint"] == report["source"]["fingerprint"]
    assert read.manifest.preprocessing == train.specification()


def test_the_bundled_model_names_held_out_digits_as_well_as_its_report_says(
    bundled_model: Path, report: Any, split: tuple[Digits, Digits], tmp_path: Path
) -> None:
    files = []
    for index in range(len(split[1].tiles)):
        files.append(tmp_path / f"{index:04d}.png")
        digits.photo(split[1], index).save(files[-1])
    run = candidate.run(bundled_model, files, threads=1, console=Console(), title="digits")
    top1 = top_k_accuracy(run.scores, split[1].labels, 1)
    assert top1 >= 0.97
    # Another processor's rounding may turn over a digit or two.
    assert top1 == pytest.approx(report["candidate"]["top1"], abs=2 / 540)
    assert report["samples"] == 540
    assert report["verdict"] == "passed"


def test_its_golden_samples_are_not_pictures_of_training_digits(
    bundled_model: Path, split: tuple[Digits, Digits]
) -> None:
    """They were chosen among the validation photos."""
    from edge_server.inference import preprocessing

    spec = train.specification()

    def seen(pixels: np.ndarray) -> np.ndarray:
        return preprocessing.normalize(preprocessing.resize(pixels, spec), spec).ravel()

    held_out = np.stack(
        [
            seen(np.asarray(digits.photo(split[1], i).convert("RGB")))
            for i in range(len(split[1].tiles))
        ]
    )
    for name, data in bundle.read(bundled_model).file.attached.items():
        if name.startswith("golden/"):
            nearest = np.abs(held_out - seen(decoding.decode(data))).mean(axis=1).min()
            assert nearest < 0.02, name
