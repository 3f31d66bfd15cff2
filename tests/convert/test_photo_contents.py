"""Whether two files show the same picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convert import photo_contents
from convert.photos import Photo, read_unlabelled


def scene(seed: int, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """A picture with large shapes, as photos have."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def contents(folder: Path, *images: Image.Image) -> photo_contents.Contents:
    folder.mkdir()
    files = []
    for number, image in enumerate(images):
        files.append(folder / f"{number}.png")
        image.save(files[-1])
    return photo_contents.read([Photo(file) for file in files])


def reencoded(image: Image.Image, kind: str, **options: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(stream)


def pasted(image: Image.Image) -> Image.Image:
    """A fixed camera's next picture: all the same but for one thing."""
    changed = image.copy()
    changed.paste((0, 0, 0), (10, 10, 40, 40))
    return changed


def small_thing(image: Image.Image) -> Image.Image:
    """A thing of a hundredth of the picture's width and more, in strong contrast to it."""
    changed = image.copy()
    light = sum(changed.getpixel((63, 47))[:3]) > 380
    changed.paste((0, 0, 0) if light else (255, 255, 255), (60, 45, 65, 50))
    return changed


ALIKE: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same": lambda image: image,
    "JPEG of low quality": lambda image: reencoded(image, "JPEG", quality=30),
    "WebP": lambda image: reencoded(image, "WEBP", quality=50),
    "half the size": lambda image: image.resize((60, 45), Image.Resampling.BILINEAR),
    "twice the size": lambda image: image.resize((240, 180), Image.Resampling.BICUBIC),
    "stretched": lambda image: image.resize((96, 96), Image.Resampling.LANCZOS),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def tiles(shape: int) -> Image.Image:
    """Many small copies of one of two shapes, which have the same means over 8 x 8 cells."""
    bar = np.zeros((8, 8), np.uint8)
    bar[:, 1:4] = 200
    small = bar if shape else bar.T
    return Image.fromarray(np.tile(small, (16, 16))).convert("RGB")


OTHER: dict[str, Callable[[Image.Image], Image.Image]] = {
    "another": lambda _: scene(2),
    "upside down": lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    "a new thing in it": pasted,
    "a small new thing in it": small_thing,
}


@pytest.mark.parametrize("how", ALIKE)
def test_the_same_picture_is_found(tmp_path: Path, how: str) -> None:
    first = contents(tmp_path / "first", scene(5), scene(1))
    second = contents(tmp_path / "second", ALIKE[how](scene(1)))
    assert list(photo_contents.pairs(first, second)) == [(1, 0)]


@pytest.mark.parametrize("how", OTHER)
def test_another_picture_is_not(tmp_path: Path, how: str) -> None:
    first = contents(tmp_path / "first", scene(1))
    second = contents(tmp_path / "second", OTHER[how](scene(1)))
    assert list(photo_contents.pairs(first, second)) == []


def test_what_only_looks_alike_from_afar_is_not_the_same(tmp_path: Path) -> None:
    found = contents(tmp_path / "set", tiles(0), tiles(1))
    small = [Image.fromarray(t).resize((8, 8), Image.Resampling.BOX) for t in found.thumbnails]
    apart = np.abs(np.asarray(small[0], np.int16) - np.asarray(small[1], np.int16))
    assert apart.max() <= photo_contents.SAME
    assert photo_contents.distinct(found) == 2


def test_a_photo_turned_by_its_exif_tag_is_compared_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90 degrees clockwise
    file = tmp_path / "turned.jpg"
    scene(1).transpose(Image.Transpose.ROTATE_90).save(file, exif=exif, quality=95)
    plain = contents(tmp_path / "plain", scene(1))
    assert list(photo_contents.pairs(photo_contents.read([Photo(file)]), plain)) == [(0, 0)]


def test_a_large_jpeg_is_as_one_that_was_decoded_in_full(tmp_path: Path) -> None:
    file = tmp_path / "large.jpg"
    scene(1, (1600, 1200)).save(file, quality=90)
    full = np.asarray(Image.open(file).resize((32, 32), Image.Resampling.BOX), np.int16)
    assert np.abs(photo_contents.thumbnail(file) - full).max() <= 4


def test_each_picture_counts_once(tmp_path: Path) -> None:
    mirrored = scene(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    found = contents(tmp_path / "set", scene(1), scene(2), scene(1), mirrored, scene(3))
    assert photo_contents.distinct(found) == 3


def test_what_can_not_be_read_is_left_out(tmp_path: Path) -> None:
    torn = tmp_path / "torn.jpg"
    torn.write_bytes(b"\xff\xd8 no picture")
    found = photo_contents.read([Photo(torn), Photo(tmp_path / "missing.png")])
    assert found.files == ()
    assert photo_contents.distinct(found) == 0
    assert list(photo_contents.pairs(found, found)) == []


@pytest.mark.shared
def test_no_false_alarm_among_316_real_photos(shared: Path) -> None:
    photos = read_unlabelled(shared / "photos").photos
    found = photo_contents.read(photos)
    assert len(found.files) == len(photos) > 300
    assert photo_contents.distinct(found) == len(photos)


@pytest.mark.shared
@pytest.mark.parametrize("how", ["quality 30", "a third of the size", "224 x 224, mirrored"])
def test_real_photos_are_found_again(shared: Path, tmp_path: Path, how: str) -> None:
    photos = read_unlabelled(shared / "photos" / "validation").photos[::5]
    again = []
    for photo in photos:
        image = Image.open(photo.path).convert("RGB")
        again.append(Photo(tmp_path / photo.path.name))
        if how == "a third of the size":
            image = image.resize((image.width // 3, image.height // 3), Image.Resampling.LANCZOS)
        if how == "224 x 224, mirrored":
            image = image.resize((224, 224)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image.save(again[-1].path, quality=30 if how == "quality 30" else 80)
    found = photo_contents.pairs(photo_contents.read(photos), photo_contents.read(again))
    assert list(found) == [(number, number) for number in range(len(photos))]
