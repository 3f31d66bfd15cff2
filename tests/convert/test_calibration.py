"""The representative dataset is what the device's own preprocessing makes of the photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert import calibration, photos
from convert.console import Console
from convert.errors import BuildError
from edge_server.inference import decoding, preprocessing

SPEC = preprocessing.from_preset("torch", width=24, height=16)
WritePhotos = Callable[..., list[Path]]


def load(folder: Path, console: Console, limit: int = 500) -> calibration.Calibration:
    return calibration.load(photos.read_unlabelled(folder), SPEC, limit, console)


def test_tensors_are_those_that_the_device_makes(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    files = write_photos(tmp_path, 3, suffix="jpg")
    tensors = list(load(tmp_path, console).representative_dataset(console)())
    assert len(tensors) == 3
    for file, (tensor,) in zip(files, tensors, strict=True):
        seen = preprocessing.resize(decoding.decode(file.read_bytes()), SPEC)
        assert tensor.dtype == np.float32
        assert tensor.shape == (1, 16, 24, 3)
        np.testing.assert_array_equal(tensor, preprocessing.normalize(seen, SPEC))


def test_the_dataset_can_be_gone_through_twice(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 2)
    dataset = load(tmp_path, console).representative_dataset(console)
    assert len(list(dataset())) == len(list(dataset())) == 2


def test_no_more_than_the_limit_is_used(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 9)
    loaded = load(tmp_path, console, limit=4)
    assert len(loaded.pictures) == 4
    assert loaded.unreadable.total == 4


def test_an_unreadable_photo_is_left_out(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    files = write_photos(tmp_path, 12)
    files[3].write_bytes(b"")
    loaded = load(tmp_path, console)
    assert len(loaded.pictures) == 11
    assert list(loaded.unreadable.reasons) == [str(files[3])]


def test_too_many_unreadable_photos_stop_it(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    files = write_photos(tmp_path, 10)
    files[0].write_bytes(b"torn")
    with pytest.raises(BuildError, match=r"1 of 10 photos"):
        load(tmp_path, console)


def test_photos_that_are_held_back_are_spread_and_in_neither_part_twice(
    tmp_path: Path, write_photos: WritePhotos, console: Console
) -> None:
    write_photos(tmp_path, 7)
    loaded = load(tmp_path, console)
    rest, held = loaded.hold_back(2)
    assert [loaded.photos.index(photo) for photo in held.photos] == [0, 3]
    assert [loaded.photos.index(photo) for photo in rest.photos] == [1, 2, 4, 5, 6]
    for part in (rest, held):
        for photo, picture in zip(part.photos, part.pictures, strict=True):
            assert picture is loaded.pictures[loaded.photos.index(photo)]
