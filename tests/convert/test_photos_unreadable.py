"""Photos that can't be read: left out and named, and a stop where they are too many."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convert import photos
from convert.errors import BuildError
from convert.photos import Unreadable

LABELS = ("red", "green", "blue", "yellow")
WritePhotos = Callable[..., list[Path]]


@pytest.fixture
def folder(tmp_path: Path, write_photos: WritePhotos) -> Path:
    """A flat folder of four photos."""
    write_photos(tmp_path / "set", 4)
    return tmp_path / "set"


def read(path: Path) -> photos.PhotoSet:
    return photos.read(path, LABELS, len(LABELS))


def decode_all(folder: Path) -> tuple[list[Path], Unreadable]:
    found = read(folder)
    unreadable = Unreadable(folder, len(found.photos))
    return [photo.path for photo, _ in photos.decoded(found.photos, unreadable)], unreadable


def test_unreadable_photos_are_left_out_and_named(folder: Path) -> None:
    (folder / "001-green.png").write_bytes(b"no picture")
    (folder / "002-blue.png").write_bytes((folder / "002-blue.png").read_bytes()[:200])
    kept, unreadable = decode_all(folder)
    assert [path.name[:3] for path in kept] == ["000", "003"]
    assert [Path(name).name[:3] for name in unreadable.reasons] == ["001", "002"]
    assert all(unreadable.reasons.values())
    assert "left out 2 of 4" in unreadable.sentence()
    assert "001-green.png" in unreadable.sentence()


def test_the_sentence_names_a_few_and_counts_the_others() -> None:
    unreadable = Unreadable(Path("set"), 100, {f"{n}.jpg": "torn" for n in range(8)})
    said = unreadable.sentence()
    assert "8 of 100" in said
    named = said.count(".jpg")
    assert f"and {8 - named} more" in said


def test_decoded_pixels_are_rgb(folder: Path) -> None:
    found = read(folder)
    by_name = {
        photo.path.stem[4:]: pixels.mean(axis=(0, 1))
        for photo, pixels in photos.decoded(found.photos, Unreadable(folder, 4))
    }
    assert [int(mean.argmax()) for name, mean in by_name.items() if name != "yellow"] == [0, 1, 2]


@pytest.mark.parametrize("total", [10, 30, 70, 110, 230, 1000])
def test_a_tenth_unreadable_stops_the_build_and_one_less_does_not(total: int) -> None:
    """Seventy is where 0.1 * n is a little more than a tenth."""
    names = [f"{n}.jpg" for n in range(total // 10)]
    Unreadable(Path("set"), total, dict.fromkeys(names[1:], "torn")).check()
    with pytest.raises(BuildError, match=rf"{total // 10} of {total} photos.*0\.jpg \(torn\)"):
        Unreadable(Path("set"), total, dict.fromkeys(names, "torn")).check()
