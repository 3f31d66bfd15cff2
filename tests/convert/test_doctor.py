"""Doctor on tiny models of known preprocessing, and on a real one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert import cli, photos
from convert.commands import doctor as command
from convert.console import Console
from convert.preprocessing import convention_race, conventions, doctor, trial_block
from convert.preprocessing.convention_race import Race
from convert.preprocessing.doctor import Diagnosis
from convert.sources import source
from edge_server.inference import decoding
from edge_server.inference.preprocessing import PRESETS, ColorOrder, Fit

SIDE = 16
# What the tiny models tell apart, RGB: red and blue for the order of channels, levels for the
# range. Their neighbours of 9 other colours and grays are never shown.
SHOWN = ((160, 40, 40), (40, 40, 160), (90, 90, 90), (225, 225, 225), (40, 160, 40), (25, 25, 25))
CLASSES = ("red", "blue", "gray", "white", "green", "black")

Save = Callable[..., Path]
Trained = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(save_functions: Save, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A SavedModel that was trained with a preset, in an order of channels, to look at a part of
    the picture: its middle, or the sides that a centre crop takes away. `classes` puts others
    before (a background) or leaves the rest; `order` shuffles them."""
    import tensorflow as tf

    def save(
        preset: str,
        color_order: str | None = None,
        *,
        sides: bool = False,
        background: int = 0,
        order: tuple[int, ...] = tuple(range(len(SHOWN))),
        dtype: Any = tf.float32,
    ) -> Path:
        own = PRESETS[preset].color_order.value
        mean, std = np.array(PRESETS[preset].mean), np.array(PRESETS[preset].std)
        swap = (color_order or own) != own
        mean, std = (
            v[::-1].astype(np.float32) if swap else v.astype(np.float32) for v in (mean, std)
        )
        prototypes = np.array([SHOWN[i] for i in order], np.float32)

        def scores(image: Any) -> Any:
            pixels = tf.cast(image, tf.float32) * std + mean
            if (color_order or own) == "bgr":
                pixels = pixels[..., ::-1]
            seen = pixels[:, :, :2] if sides else pixels[:, 4:12, 4:12]
            found = tf.reduce_mean(seen, [1, 2])
            far = tf.reduce_sum((found[:, None] - prototypes[None]) ** 2, 2)
            far = tf.pad(far, [[0, 0], [background, 0]], constant_values=1e9)
            return {"scores": tf.nn.softmax(-far / 500)}

        folder = tmp_path_factory.mktemp("trained") / "model"
        if dtype is tf.float32:
            return save_functions(
                folder, serving_default=(scores, {"image": [None, SIDE, SIDE, 3]})
            )
        module = tf.Module()
        spec = tf.TensorSpec([None, SIDE, SIDE, 3], dtype, name="image")
        module.call = tf.function(scores, input_signature=[spec])
        tf.saved_model.save(
            module, str(folder), signatures={"serving_default": module.call.get_concrete_function()}
        )
        return folder

    return save


def picture(colour: tuple[int, ...], seed: int, *, sides: bool, square: bool) -> Image.Image:
    """Noise around a colour; the other part of a wide picture is of any colour."""
    random = np.random.default_rng(seed)
    size = (24, 24) if square else (24, 60)
    pixels = np.empty((*size, 3))
    if not square:
        pixels[:] = random.integers(0, 256, 3)
        pixels[:, slice(0, 60) if sides else slice(18, 42)] = colour
        if sides:
            pixels[:, 18:42] = random.integers(0, 256, 3)
    else:
        pixels[:] = colour
    pixels += random.normal(0, 12, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture
def labelled(tmp_path: Path) -> Callable[..., Path]:
    """A CSV of pictures, the colours in turn, with `shift` added to each class."""

    def write(
        count: int = 48, *, shift: int = 0, sides: bool = False, square: bool = False, seed: int = 0
    ) -> Path:
        table = tmp_path / f"set{shift}{sides}{square}.csv"
        rows = []
        for number in range(count):
            label = number % len(SHOWN)
            file = tmp_path / f"{table.stem}-{number}.png"
            picture(SHOWN[label], seed + number, sides=sides, square=square).save(file)
            rows.append((file.name, label + shift))
        with table.open("w", newline="") as stream:
            csv.writer(stream).writerows([("file", "label_index"), *rows])
        return table

    return write


def race(model: Path, table: Path, limit: int = 500) -> tuple[source.Source, Race]:
    loaded = source.load(model, None)
    tests = photos.read(table, (), loaded.classes + 1)
    return loaded, convention_race.run(loaded, tests, limit, Console())


def diagnosis(model: Path, table: Path) -> Diagnosis:
    loaded, found = race(model, table)
    return doctor.diagnose(found, loaded.classes)


def used(found: Diagnosis) -> str:
    assert found.use is not None
    return found.use.convention.options()


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


# --- The race -----------------------------------------------------------------------------------


@pytest.fixture
def predictions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures the original was asked about, one entry a call."""
    counts: list[int] = []
    real = source.Source.predict

    def counted(self: source.Source, tensors: Any) -> Any:
        counts.append(len(tensors))
        return real(self, tensors)

    monkeypatch.setattr(source.Source, "predict", counted)
    return counts


def test_what_is_surely_worse_is_asked_no_more(
    trained: Trained, labelled: Callable[..., Path]
) -> None:
    _, found = race(trained("tf"), labelled(96))
    seen = {t.convention.options(): len(t.answers) for t in found.trials}
    assert seen["--preprocessing raw"] == convention_race.BLOCK
    assert seen["--preprocessing tf"] == 96
    assert all(len(t.answers) == 96 for t in found.trials if t.live)


def test_every_photo_is_decoded_once(
    trained: Trained, labelled: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    decodings: list[int] = []
    real = decoding.decode

    def counted(data: bytes) -> Any:
        decodings.append(hash(data))
        return real(data)

    monkeypatch.setattr(decoding, "decode", counted)
    race(trained("tf"), labelled(40))
    assert len(decodings) == len(set(decodings)) == 40


def test_photos_of_the_models_shape_are_predicted_once_for_all_fits(
    trained: Trained, labelled: Callable[..., Path], predictions: list[int]
) -> None:
    model = source.load(trained("tf"), None)
    predictions.clear()
    pixels = np.asarray(picture(SHOWN[0], 1, sides=False, square=True))
    block = trial_block.Block(model, [pixels])
    plain = conventions.Convention("tf", ColorOrder.RGB)
    for convention in (plain, *plain.refinements()):
        block.answers(convention)
    # One for each filter.
    assert sum(predictions) == 2


def test_a_limit_is_spread_over_the_set(trained: Trained, labelled: Callable[..., Path]) -> None:
    _, found = race(trained("tf"), labelled(48), limit=12)
    assert len(found.labels) == 12
    assert set(found.labels.tolist()) == {0, 4, 2}


# --- The command --------------------------------------------------------------------------------


@pytest.fixture
def run_doctor(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Exit status, standard output, standard error."""

    def run(*args: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(cli, "_COMMANDS", (command,))
        capfd.readouterr()
        status = cli.main(["doctor", *map(str, args)])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return status, out, err

    return run


Run = Callable[..., tuple[int, str, str]]


def test_the_table_is_readable_and_ends_with_the_options(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    status, out, err = run_doctor(trained("torch", "bgr"), "--validation", labelled())
    assert status == 0
    head, table, verdict = out.split("\n\n", 1)[0], out, out.rsplit("\n\n", 1)[1]
    assert "top-1 on 48 photos" in head
    assert all(len(line) <= 100 for line in table.splitlines()[2:])
    marked = [line.split() for line in table.splitlines() if line.startswith("*")]
    assert [line[-4:] for line in marked] == [["torch", "bgr", "center-crop", "bilinear-antialias"]]
    assert verdict.startswith("Use --preprocessing torch --color-order bgr: right on ")
    assert "loses" in verdict
    assert "try the conventions on 48 photos" in err


def test_machines_get_the_same_as_json(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    status, out, _ = run_doctor(trained("unit"), "--validation", labelled(), "--json")
    found = json.loads(out)
    assert status == 0
    assert found["use"] == "--preprocessing unit"
    assert found["works"] is True
    assert found["rows"][0]["standing"] == "best"
    assert found["rows"][0]["interval"][0] < found["rows"][0]["top1"]
    assert found["verdict"][0].startswith("Use --preprocessing unit")


def test_nothing_works_is_status_3(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    table = labelled()
    rows = list(csv.reader(table.open()))
    shuffled = np.random.default_rng(3).permutation([row[1] for row in rows[1:]])
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [rows[0], *((row[0], label) for row, label in zip(rows[1:], shuffled, strict=True))]
        )
    status, out, _ = run_doctor(trained("tf"), "--validation", table)
    assert status == command.EXIT_NOTHING_WORKS == 3
    verdict = out.rsplit("\n\n", 1)[1]
    assert verdict.startswith("Nothing works: the best, ")
    assert "in another order than the model's classes" in " ".join(verdict.split())
    assert f"label_index column of {table}" in " ".join(verdict.split())


def test_too_few_photos_are_not_taken_for_wrong_labels(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    status, out, _ = run_doctor(trained("tf"), "--validation", labelled(3))
    assert status == 3
    assert "There are too few photos to tell" in out
    assert "Give 50 or more" in " ".join(out.split())


def test_labels_that_begin_at_1_say_what_to_change(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    table = labelled(shift=1)
    status, out, _ = run_doctor(trained("tf"), "--validation", table)
    assert status == 0
    assert "off by one" in out
    assert f"subtract 1 from every label_index in {table}" in " ".join(out.split())


def test_a_label_file_without_the_background_says_so(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run, tmp_path: Path
) -> None:
    table, folder = labelled(), tmp_path / "by_class"
    for row in csv.DictReader(table.open()):
        target = folder / CLASSES[int(row["label_index"])]
        target.mkdir(parents=True, exist_ok=True)
        (tmp_path / row["file"]).rename(target / row["file"])
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(CLASSES))
    model = trained("tf", background=1)
    status, out, _ = run_doctor(model, "--validation", folder, "--labels", labels)
    assert status == 0
    assert f"put a line 'background' before the first of {labels}" in " ".join(out.split())


def test_photos_without_labels_are_refused(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run
) -> None:
    flat = labelled(4).parent
    status, out, err = run_doctor(trained("tf"), "--validation", flat)
    assert status == 2
    assert not out
    assert "have no labels" in err
    assert "file and label_index" in err


@pytest.mark.parametrize("lines", [4, 8])
def test_a_label_file_of_another_model_is_refused(
    trained: Trained, labelled: Callable[..., Path], run_doctor: Run, tmp_path: Path, lines: int
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"class {i}" for i in range(lines)))
    status, _, err = run_doctor(trained("tf"), "--validation", labelled(), "--labels", labels)
    assert status == 2
    assert f"{labels} has {lines} lines but the model puts out 6 classes" in err


def test_what_is_not_there_is_said_at_once(run_doctor: Run, tmp_path: Path) -> None:
    status, _, err = run_doctor(tmp_path / "none", "--validation", tmp_path)
    assert status == 2
    assert f"There is no {tmp_path / 'none'}" in err


@pytest.mark.shared
def test_a_real_mobilenet_wants_what_it_was_trained_with(shared: Path, run_doctor: Run) -> None:
    status, out, _ = run_doctor(
        shared / "saved_models" / "mobilenet_v1_025_224",
        "--validation",
        shared / "photos" / "validation.csv",
        "--json",
    )
    found = json.loads(out)
    assert status == 0
    assert found["use"] == "--preprocessing tf"
    assert found["photos"] == 200
    assert 0.5 < found["rows"][0]["top1"] < 0.6
    standing = {row["options"]: row["standing"] for row in found["rows"]}
    for wrong in ("unit", "raw", "torch", "caffe", "tf --color-order bgr"):
        assert standing[f"--preprocessing {wrong}"] in ("worse", "ruled out")
