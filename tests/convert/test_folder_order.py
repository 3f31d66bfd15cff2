"""Folders named by numbers, in the order that the model's own answers prove."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from commands import Ran
from convert import folder_order
from convert.original import OriginalRun
from convert.photos import Photo, Unreadable
from edge_server.inference import bundle
from edge_server.inference.manifest import Output

AS_TEXT = ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")
COUNT = len(AS_TEXT)


def by_class(folder: Path, names: tuple[str, ...], each: int = 4) -> Path:
    """A folder for each name with pictures of its own gray: of the number n, 20 * n."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = np.full((16, 16, 3), 20 * int(name) + number, np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def run_of(folder: Path, order: tuple[str, ...], wrong: float = 0.0) -> OriginalRun:
    """What an original of so ordered classes answers to the photos of by_class()."""
    photos = tuple(Photo(p, int(p.parent.name)) for p in sorted(folder.rglob("*.png")))
    answers = np.array([order.index(photo.path.parent.name) for photo in photos])
    lost = np.random.default_rng(0).random(len(answers)) < wrong
    answers[lost] = np.random.default_rng(1).integers(0, len(order), lost.sum())
    scores = np.eye(len(order), dtype=np.float32)[answers]
    return OriginalRun(photos, scores, Output.PROBABILITIES, Unreadable(folder, len(photos)), True)


NUMBERS = tuple(map(str, range(COUNT)))


def test_the_order_of_text_is_taken_where_the_answers_prove_it(tmp_path: Path) -> None:
    folder = by_class(tmp_path / "photos", NUMBERS)
    settled = folder_order.settle(folder, NUMBERS, run_of(folder, AS_TEXT, wrong=0.1))
    assert settled.labels == AS_TEXT
    assert [p.label for p in settled.before.photos] == [
        AS_TEXT.index(p.path.parent.name) for p in settled.before.photos
    ]
    assert settled.warning is not None
    assert "0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9. " in settled.warning.sentence
    assert settled.warning.status == "warned"


@pytest.mark.parametrize(
    ("order", "wrong", "each"),
    [
        (NUMBERS, 0.1, 4),  # the numbers are the indices
        (AS_TEXT, 0.95, 4),  # hardly anything is right in any order
        (AS_TEXT, 0.0, 1),  # 10 photos of moved classes: not sure enough
        (tuple(reversed(NUMBERS)), 0.0, 4),  # an order that no rule makes
    ],
)
def test_nothing_is_taken_on_less_than_a_proof(
    tmp_path: Path, order: tuple[str, ...], wrong: float, each: int
) -> None:
    folder = by_class(tmp_path / "photos", NUMBERS, each)
    before = run_of(folder, order, wrong)
    settled = folder_order.settle(folder, NUMBERS, before)
    assert (settled.labels, settled.before, settled.warning) == (NUMBERS, before, None)


def test_a_folder_for_every_class_is_needed(tmp_path: Path) -> None:
    folder = by_class(tmp_path / "photos", NUMBERS[3:], 8)
    before = run_of(folder, AS_TEXT)
    assert folder_order.settle(folder, NUMBERS, before).labels == NUMBERS


@pytest.mark.parametrize("rule", [str, int])
def test_numbers_that_begin_at_1_name_the_classes(tmp_path: Path, rule: Callable[..., Any]) -> None:
    names = tuple(str(n) for n in range(1, 13))
    folder = by_class(tmp_path / "photos", names)
    labels = folder_order.labels_of(folder, COUNT)
    assert labels == tuple(sorted(names))
    order = tuple(sorted(names, key=rule))
    before = run_of(folder, order)
    labelled = tuple(Photo(p.path, labels.index(p.path.parent.name)) for p in before.photos)
    settled = folder_order.settle(
        folder, labels, OriginalRun(labelled, *list(vars(before).values())[1:])
    )
    assert settled.labels == order
    assert (settled.warning is None) == (order == labels)


@pytest.fixture(scope="module")
def text_ordered(save_functions: Callable[..., Path], tmp_path_factory: Any) -> Path:
    """A SavedModel that tells the grays of by_class(), its classes in the order of text."""
    import tensorflow as tf

    levels = np.array([[20 * int(name) + 1 for name in AS_TEXT]], np.float32)

    def scores(image: Any) -> Any:
        level = tf.reduce_mean(image, [1, 2, 3])
        return {"scores": tf.nn.softmax(-((level[:, None] - levels) ** 2) / 20)}

    folder = tmp_path_factory.mktemp("text") / "model"
    return save_functions(folder, serving_default=(scores, {"image": [None, 16, 16, 3]}))


def test_build_validate_and_doctor_name_the_order(
    text_ordered: Path, edge_convert: Callable[..., Ran], tmp_path: Path
) -> None:
    photos, out = by_class(tmp_path / "photos", NUMBERS), tmp_path / "out"
    named = "as text, as Keras and PyTorch sort folders: 0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9"
    common = ("--validation", photos, "--preprocessing", "raw")
    ran = edge_convert("build", text_ordered, "--output", out, *common, "--recipe", "float32")
    assert ran.status == 0, ran.said
    assert "warning: The names of the folders in" in ran.said
    assert named in ran.said
    assert "top-1 100.0% -> 100.0%" in ran.said
    assert bundle.read(out / "model.tflite").labels == AS_TEXT
    report = json.loads((out / "report.json").read_text())
    assert report["checks"][0]["name"] == "folder-order"
    # A file without labels of its own, as others make them.
    labelled = tmp_path / "numbers.txt"
    labelled.write_text("\n".join(NUMBERS))
    again = edge_convert(
        "validate", text_ordered, out / "model.tflite", *common, "--labels", labelled
    )
    text = " ".join(again.said.split())
    assert named in text
    assert f"Bring the lines of {labelled} into that order." in text
    doctor = edge_convert("doctor", text_ordered, "--validation", photos)
    text = " ".join(doctor.said.split())
    assert doctor.status == 0
    assert "Use --preprocessing raw: right on 100.0% of 48 photos" in text
    assert named in text
    assert f"Write the names of the folders in {photos} into a text file" in text
