"""All or nothing: what stands in the output directory after a build, good, rejected or broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import BuildError
from convert.workshop import Workshop


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def publish(output: Path, text: str, *, passed: bool) -> tuple[Path, Path, Path]:
    with Workshop(output) as workshop:
        model = workshop.put("finished.tflite", text.encode())
        return workshop.publish(model, f"report of {text}".encode(), b"page", passed=passed)


def test_a_passed_model_and_its_report_appear(tmp_path: Path) -> None:
    output = tmp_path / "a" / "b"
    assert publish(output, "good", passed=True) == (
        output / "model.tflite",
        output / "report.json",
        output / "report.html",
    )
    assert contents(output) == {
        "model.tflite": "good",
        "report.json": "report of good",
        "report.html": "page",
    }


def test_a_passed_model_replaces_an_older_one_and_a_rejected_one(tmp_path: Path) -> None:
    publish(tmp_path, "bad", passed=False)
    publish(tmp_path, "good", passed=True)
    assert contents(tmp_path) == {
        "model.tflite": "good",
        "report.json": "report of good",
        "report.html": "page",
    }


def test_a_rejected_model_never_stands_as_model_tflite(tmp_path: Path) -> None:
    assert publish(tmp_path, "bad", passed=False)[0] == tmp_path / "model.rejected.tflite"
    assert contents(tmp_path) == {
        "model.rejected.tflite": "bad",
        "report.json": "report of bad",
        "report.html": "page",
    }


def test_an_earlier_good_model_is_kept_aside_by_a_rejected_one(tmp_path: Path) -> None:
    publish(tmp_path, "good", passed=True)
    publish(tmp_path, "bad", passed=False)
    publish(tmp_path, "worse", passed=False)
    assert contents(tmp_path) == {
        "model.previous.tflite": "good",
        "model.rejected.tflite": "worse",
        "report.json": "report of worse",
        "report.html": "page",
    }


def test_everybody_may_read_a_published_model(tmp_path: Path) -> None:
    model, report, page = publish(tmp_path, "good", passed=True)
    assert model.stat().st_mode & 0o777 == 0o644
    assert report.stat().st_mode & page.stat().st_mode & 0o044


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_the_work_nothing_unfinished_stays(
    tmp_path: Path, error: type[BaseException]
) -> None:
    publish(tmp_path, "good", passed=True)
    with pytest.raises(error), Workshop(tmp_path) as workshop:
        workshop.put("half.tflite", b"half")
        raise error
    assert contents(tmp_path) == {
        "model.tflite": "good",
        "report.json": "report of good",
        "report.html": "page",
    }


def test_an_interrupt_while_it_is_set_up_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "is_dir", interrupted)
    with pytest.raises(KeyboardInterrupt), Workshop(tmp_path / "new"):
        pass
    monkeypatch.undo()
    assert not (tmp_path / "new").exists()


def test_a_directory_made_for_nothing_goes_again(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Workshop(tmp_path / "new"):
        raise RuntimeError
    assert not (tmp_path / "new").exists()


def test_an_empty_directory_that_was_there_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Workshop(tmp_path):
        raise RuntimeError
    assert tmp_path.is_dir()


def test_two_workshops_do_not_meet(tmp_path: Path) -> None:
    with Workshop(tmp_path) as one, Workshop(tmp_path) as other:
        assert one.put("x", b"1").read_bytes() + other.put("x", b"2").read_bytes() == b"12"


def test_a_file_in_the_way_of_the_directory_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BuildError, match=r"can't be written .*--output"), Workshop(output):
            pass


@pytest.mark.parametrize(
    "name", ["model.tflite", "report.json", "report.html", "model.rejected.tflite"]
)
def test_a_directory_in_the_way_of_a_file_is_said_before_the_work(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(BuildError, match=rf"{name} is a directory"), Workshop(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_disk_that_takes_no_more_gives_a_sentence(tmp_path: Path) -> None:
    with Workshop(tmp_path) as workshop:
        (workshop.path / "finished.tflite").symlink_to("/dev/full")
        with pytest.raises(BuildError, match=r"2\.0 MB can't be written .*No space left"):
            workshop.put("finished.tflite", bytes(2_000_000))
