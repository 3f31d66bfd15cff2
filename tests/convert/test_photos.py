"""Where photos and their labels come from, and what is said of those that are not good."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from convert import photos
from convert.errors import UsageError
from convert.photos import Photo, Unreadable

LABELS = ("red", "green", "blue", "yellow")
WritePhotos = Callable[..., list[Path]]


@pytest.fixture
def folder(tmp_path: Path, write_photos: WritePhotos) -> Path:
    """A flat folder of four photos."""
    write_photos(tmp_path / "set", 4)
    return tmp_path / "set"


def read(path: Path) -> photos.PhotoSet:
    return photos.read(path, LABELS, len(LABELS))


def write_csv(path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


# --- A CSV ------------------------------------------------------------------------------------


def test_csv_paths_are_relative_to_the_csv(folder: Path) -> None:
    csv = write_csv(folder / "set.csv", "file,label_index\n000-red.png,0\n002-blue.png,2\n")
    found = read(csv)
    assert found.photos == (Photo(folder / "000-red.png", 0), Photo(folder / "002-blue.png", 2))
    assert found.labelled


def test_csv_paths_may_be_relative_to_the_folder_of_the_same_name(folder: Path) -> None:
    csv = write_csv(folder.parent / "set.csv", "file,label_index\n001-green.png,1\n")
    assert read(csv).photos == (Photo(folder / "001-green.png", 1),)


def test_a_file_beside_the_csv_goes_before_one_in_the_folder_of_the_same_name(
    folder: Path,
) -> None:
    beside = folder.parent / "000-red.png"
    beside.write_bytes((folder / "000-red.png").read_bytes())
    csv = write_csv(folder.parent / "set.csv", "file,label_index\n000-red.png,0\n")
    assert read(csv).photos == (Photo(beside, 0),)


def test_csv_with_a_byte_order_mark_and_more_columns_is_read(folder: Path) -> None:
    text = "file,note,label_index\r\n000-red.png,x,0\r\n"
    csv = write_csv(folder / "set.csv", text, encoding="utf-8-sig")
    assert read(csv).photos == (Photo(folder / "000-red.png", 0),)


def test_space_around_csv_values_does_not_count(folder: Path) -> None:
    csv = write_csv(folder / "set.csv", "file,label_index\n 000-red.png , 3 \n")
    assert read(csv).photos == (Photo(folder / "000-red.png", 3),)


@pytest.mark.parametrize("header", ["file,label", "label_index", "file;label_index", ""])
def test_csv_without_its_columns_is_refused_with_their_names(tmp_path: Path, header: str) -> None:
    csv = write_csv(tmp_path / "set.csv", f"{header}\na.png,0\n" if header else "")
    with pytest.raises(UsageError, match="columns file and label_index"):
        read(csv)


@pytest.mark.parametrize("index", ["4", "-1", "1.0", "red", "", "²", "9" * 5000])
def test_a_bad_class_index_is_refused_with_its_line(tmp_path: Path, index: str) -> None:
    csv = write_csv(tmp_path / "set.csv", f"file,label_index\na.png,0\nb.png,{index}\n")
    with pytest.raises(UsageError, match=r"line 3: .*from 0 to 3"):
        read(csv)


def test_a_csv_row_without_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    csv = write_csv(tmp_path / "set.csv", "file,label_index\n,0\n")
    with pytest.raises(UsageError, match="line 2"):
        read(csv)


def test_a_csv_row_that_stops_early_is_refused_with_its_line(tmp_path: Path) -> None:
    csv = write_csv(tmp_path / "set.csv", "file,label_index\na.png\n")
    with pytest.raises(UsageError, match="line 2"):
        read(csv)


def test_a_csv_without_rows_has_no_photos(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are no photos"):
        read(write_csv(tmp_path / "set.csv", "file,label_index\n"))


def test_a_photo_given_for_a_csv_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="no CSV that can be read"):
        read(folder / "000-red.png")


def test_a_missing_file_in_a_csv_counts_as_unreadable(folder: Path) -> None:
    csv = write_csv(folder / "set.csv", "file,label_index\n000-red.png,0\ngone.png,1\n")
    found = read(csv)
    unreadable = Unreadable(csv, len(found.photos))
    kept = [photo.path.name for photo, _ in photos.decoded(found.photos, unreadable)]
    assert kept == ["000-red.png"]
    assert list(unreadable.reasons) == [str(folder / "gone.png")]


# --- A folder for each class ------------------------------------------------------------------


def test_folders_named_by_label_give_its_index(tmp_path: Path, write_photos: WritePhotos) -> None:
    for name in ("yellow", "green"):
        write_photos(tmp_path / name, 2)
    found = read(tmp_path)
    assert found.labelled
    assert [(p.path.parent.name, p.label) for p in found.photos] == [
        ("green", 1),
        ("green", 1),
        ("yellow", 3),
        ("yellow", 3),
    ]


def test_folders_may_be_named_by_class_index(tmp_path: Path, write_photos: WritePhotos) -> None:
    write_photos(tmp_path / "2", 1)
    write_photos(tmp_path / "003", 1)
    assert [p.label for p in read(tmp_path).photos] == [3, 2]


def test_a_label_that_looks_like_an_index_is_a_label(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / "1", 1)
    assert photos.read(tmp_path, ("2", "1", "0"), 3).photos[0].label == 1
    assert photos.read(tmp_path, ("1", "x", "0"), 3).photos[0].label == 0


def test_a_label_that_two_classes_share_can_not_name_a_folder(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    """ImageNet has two classes called crane: the bird and the machine."""
    write_photos(tmp_path / "crane", 1)
    with pytest.raises(UsageError, match=r"crane could be any of the classes \[0, 2\]"):
        photos.read(tmp_path, ("crane", "owl", "crane"), 3)


@pytest.mark.parametrize("name", ["purple", "4", "-1"])
def test_a_folder_named_after_no_class_is_refused_by_name(
    tmp_path: Path, write_photos: WritePhotos, name: str
) -> None:
    write_photos(tmp_path / name, 1)
    with pytest.raises(UsageError, match=rf"{name} is named after no class.*0 to 3"):
        read(tmp_path)


def test_photos_deeper_in_a_class_folder_belong_to_it(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / "blue" / "monday" / "morning", 1)
    assert [p.label for p in read(tmp_path).photos] == [2]


def test_a_folder_without_photos_is_no_class(tmp_path: Path, write_photos: WritePhotos) -> None:
    write_photos(tmp_path / "red", 1)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("x")
    assert [p.label for p in read(tmp_path).photos] == [0]


def test_photos_beside_class_folders_are_not_silently_taken_for_the_whole_set(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / "red", 3)
    write_photos(tmp_path, 1)
    with pytest.raises(UsageError, match=r"000-red\.png.*beside folders"):
        read(tmp_path)


# --- A flat folder, hidden files, nothing ------------------------------------------------------


def test_a_flat_folder_has_no_labels_and_is_sorted(folder: Path) -> None:
    (folder / "notes.txt").write_text("no photo")
    found = read(folder)
    assert not found.labelled
    assert [p.path.name[:3] for p in found.photos] == ["000", "001", "002", "003"]
    assert {p.label for p in found.photos} == {None}


@pytest.mark.parametrize("suffix", ["JPG", "jpeg", "webp", "bmp", "gif", "tif", "ppm"])
def test_every_kind_of_photo_is_found(
    tmp_path: Path, write_photos: WritePhotos, suffix: str
) -> None:
    write_photos(tmp_path, 1, suffix=suffix)
    assert len(read(tmp_path).photos) == 1


def test_hidden_files_and_folders_are_left_out(folder: Path, write_photos: WritePhotos) -> None:
    write_photos(folder / ".thumbnails", 2)
    (folder / "._000-red.png").write_bytes(b"macOS writes these")
    assert [p.path.name[:3] for p in read(folder).photos] == ["000", "001", "002", "003"]


def test_hidden_files_do_not_make_class_folders_flat(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / "red", 1)
    write_photos(tmp_path / "red" / ".cache", 1)
    (tmp_path / "._red.jpg").write_bytes(b"macOS writes these")
    found = read(tmp_path)
    assert found.labelled
    assert [p.path for p in found.photos] == [tmp_path / "red" / "000-red.png"]


def test_a_hidden_folder_above_the_photos_does_not_hide_them(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / ".demo" / "set", 2)
    assert len(read(tmp_path / ".demo" / "set").photos) == 2


def test_an_empty_folder_has_no_photos(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are no photos"):
        read(tmp_path)


def test_a_path_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere is neither a folder of photos nor a CSV"):
        read(tmp_path / "nowhere")


# --- Photos whose classes do not matter --------------------------------------------------------


def test_calibration_photos_may_lie_in_folders_of_any_name(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    write_photos(tmp_path / "monday" / "morning", 2)
    write_photos(tmp_path / "tuesday", 2)
    write_photos(tmp_path, 1)
    found = photos.read_unlabelled(tmp_path)
    assert len(found.photos) == 5
    assert not found.labelled


def test_a_calibration_csv_needs_no_labels(folder: Path) -> None:
    csv = write_csv(folder / "set.csv", "file\n000-red.png\n003-yellow.png\n")
    found = photos.read_unlabelled(csv)
    assert [p.path.name for p in found.photos] == ["000-red.png", "003-yellow.png"]


# --- Choosing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("total", "count"), [(10, 3), (100, 99), (7, 7), (5, 20)])
def test_evenly_keeps_order_spreads_and_repeats_none(total: int, count: int) -> None:
    every = [Photo(Path(f"{n:03d}.png")) for n in range(total)]
    chosen = photos.evenly(every, count)
    numbers = [int(photo.path.stem) for photo in chosen]
    assert len(numbers) == min(total, count)
    assert numbers == sorted(set(numbers))
    gaps = [b - a for a, b in pairwise(numbers)]
    assert max(gaps) - min(gaps) <= 1


def test_class_folders_are_sorted_as_keras_sorts_them(
    tmp_path: Path, write_photos: WritePhotos
) -> None:
    for name in ("b", "B", "a10", "a2"):
        write_photos(tmp_path / name, 1)
    assert photos.class_folders(tmp_path) == ("B", "a10", "a2", "b")
    assert photos.class_folders(tmp_path / "b" / "000-red.png") == ()
