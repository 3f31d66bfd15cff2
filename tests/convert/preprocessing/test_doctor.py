"""What doctor finds on tiny models of known preprocessing: the convention and the labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.photos import Unreadable
from convert.preprocessing import convention_race, doctor
from convert.preprocessing.convention_race import Race, Trial
from convert.preprocessing.conventions import Convention
from edge_server.inference.preprocessing import ColorOrder, Fit
from known_preprocessing import SHOWN, SIDE, Save, Trained, diagnosis, used

# --- Which convention wins ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "color_order", "options"),
    [
        ("tf", None, "--preprocessing tf"),
        ("unit", None, "--preprocessing unit"),
        ("raw", None, "--preprocessing raw"),
        ("torch", None, "--preprocessing torch"),
        ("caffe", None, "--preprocessing caffe"),
        ("torch", "bgr", "--preprocessing torch --color-order bgr"),
        ("caffe", "rgb", "--preprocessing caffe --color-order rgb"),
    ],
)
def test_the_convention_of_training_wins(
    trained: Trained,
    labelled: Callable[..., Path],
    preset: str,
    color_order: str | None,
    options: str,
) -> None:
    found = diagnosis(trained(preset, color_order), labelled())
    assert used(found) == options
    assert found.use is not None
    assert found.use.top1 > 0.9
    assert found.offset == 0
    assert found.renamed is None


def test_a_model_that_looks_at_the_sides_does_not_get_a_centre_crop(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    found = diagnosis(trained("tf", sides=True), labelled(sides=True))
    assert used(found).startswith("--preprocessing tf --fit stretch")
    crop = next(r for r in found.rows if r.convention.options() == "--preprocessing tf")
    assert crop.standing in ("worse", "ruled out")
    assert crop.loses > 20


def test_of_equal_fits_and_filters_the_default_is_used(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    found = diagnosis(trained("tf"), labelled(square=True))
    assert used(found) == "--preprocessing tf"
    rivals = {row.convention.fit for row in found.rivals()}
    assert rivals == set(Fit)


def test_whole_pixels_leave_only_raw(trained: Trained, labelled: Callable[..., Path]) -> None:
    import tensorflow as tf

    found = diagnosis(trained("raw", dtype=tf.uint8), labelled())
    assert used(found) == "--preprocessing raw"
    assert {row.convention.preset for row in found.rows} == {"raw"}


def test_a_gray_model_is_tried_without_an_order_of_colours(
    save_functions: Save, labelled: Callable[..., Path], tmp_path: Path
) -> None:
    import tensorflow as tf

    luma = np.array([[0.299 * r + 0.587 * g + 0.114 * b for r, g, b in SHOWN]], np.float32)

    def scores(image: Any) -> Any:
        level = 255 * tf.reduce_mean(image[:, 4:12, 4:12], [1, 2])
        return {"scores": tf.nn.softmax(-((level - luma) ** 2) / 20)}

    save_functions(tmp_path / "gray", serving_default=(scores, {"image": [None, SIDE, SIDE, 1]}))
    found = diagnosis(tmp_path / "gray", labelled())
    assert used(found) == "--preprocessing unit"
    assert {row.convention.color_order for row in found.rows} == {ColorOrder.GRAYSCALE}
    assert {row.convention.preset for row in found.rows} == {"tf", "unit", "raw"}


# --- Labels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [-1, 1])
def test_labels_off_by_one_are_found_with_the_preprocessing(
    trained: Trained, labelled: Callable[..., Path], shift: int
) -> None:
    # A background class that the labels lack, or labels that begin at 1.
    model = trained("tf", background=1 if shift < 0 else 0)
    found = diagnosis(model, labelled(shift=max(0, shift)))
    assert used(found) == "--preprocessing tf"
    assert found.offset == -shift
    assert found.unshifted < 0.3


def test_labels_in_another_order_are_named(trained: Trained, labelled: Callable[..., Path]) -> None:
    order = (3, 4, 5, 0, 1, 2)
    found = diagnosis(trained("tf", order=order), labelled())
    assert found.use is None
    assert found.renamed is not None
    assert found.renamed.classes == {order[k]: k for k in range(6)}
    assert found.renamed.top1 > 0.9
    assert found.renamed.convention.options() == "--preprocessing tf"


def test_two_labels_exchanged_are_named_beside_the_options(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    found = diagnosis(trained("tf", order=(0, 1, 2, 5, 4, 3)), labelled(96))
    assert used(found) == "--preprocessing tf"
    assert found.renamed is not None
    moved = {k: v for k, v in found.renamed.classes.items() if k != v}
    assert moved == {3: 5, 5: 3}


def trial(preset: str, answers: np.ndarray) -> Trial:
    return Trial(Convention(preset, ColorOrder.RGB), answers)


def test_renamed_classes_are_looked_for_under_every_convention() -> None:
    # 10 classes; raw is right but for their names, and 2 of them have their own name by chance.
    labels = np.random.default_rng(0).integers(0, 10, 240)
    names = np.array([0, 1, 3, 4, 5, 6, 7, 8, 9, 2])
    wrong = np.where(np.arange(240) % 4 == 0, labels, (labels + 5) % 7)
    race = Race((trial("caffe", wrong), trial("raw", names[labels])), labels, Unreadable(Path(), 1))
    found = doctor.diagnose(race, 10)
    assert found.use is None
    assert found.renamed is not None
    assert found.renamed.convention.preset == "raw"
    assert found.renamed.classes == dict(enumerate(names.tolist()))


def test_a_convention_that_other_names_may_save_stays_in_the_race() -> None:
    labels = np.tile(np.arange(10), 10)
    third = np.where(np.arange(100) % 10 < 4, labels, 0)  # right on 46 of 100
    renamed, lost = trial("raw", (labels + 3) % 10), trial("unit", np.full(100, 8))
    leader = trial("caffe", third)
    convention_race.rule_out((leader, renamed, lost), labels)
    assert (leader.live, renamed.live, lost.live) == (False, True, False)


def test_one_photo_a_class_leaves_a_convention_in_the_race_that_names_may_save() -> None:
    labels = np.arange(40)
    leader = trial("caffe", np.where(labels % 3 == 0, labels, 0))
    renamed, lost = trial("raw", (labels + 3) % 40), trial("unit", np.full(40, 8))
    convention_race.rule_out((leader, renamed, lost), labels)
    assert (leader.live, renamed.live, lost.live) == (True, True, False)
