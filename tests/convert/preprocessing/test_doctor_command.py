"""What doctor says and how it ends, on tiny models of known preprocessing and on a real one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import cli
from convert.commands import doctor as command
from known_preprocessing import CLASSES, Trained


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
    assert f"put a label 'background' before the first of {labels}" in " ".join(out.split())


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
    assert f"{labels} has {lines} labels (one label a line) but " in err
    assert "puts out 6 classes" in err


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
