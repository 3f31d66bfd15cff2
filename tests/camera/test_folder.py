from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camera.errors import CameraError
from camera.sources.folder import FPS, FolderSource, load_picture
from camera.sources.pacing import Pacer


@pytest.fixture
def show(tmp_path):
    def shades(count, interval=1.0 / FPS):
        source = FolderSource(tmp_path, interval=interval)
        source.open()
        source._pacer = Pacer(1.0 / FPS, sleep=lambda seconds: None)
        return [int(source.read()[0, 0, 0]) for _ in range(count)]

    return shades


@pytest.fixture
def save(tmp_path, gray):
    def write(name, value):
        Image.fromarray(gray(value)).save(tmp_path / name)

    return write


def test_pictures_follow_by_name_and_begin_again(show, save):
    save("b.png", 20)
    save("a.png", 10)
    assert show(3) == [10, 20, 10]


def test_each_picture_stays_for_the_interval(show, save):
    save("a.png", 10)
    save("b.png", 20)
    assert show(6, interval=3.0 / FPS) == [10, 10, 10, 20, 20, 20]


def test_an_unreadable_picture_is_skipped_and_logged_once(show, save, tmp_path, caplog):
    save("a.png", 10)
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    save("c.png", 30)
    assert show(5) == [10, 30, 10, 30, 10]
    assert [record.getMessage().count("b.jpg") for record in caplog.records] == [1]


def test_a_truncated_photo_is_skipped(show, save, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) // 2])
    save("b.png", 20)
    assert show(2) == [20, 20]


def test_a_picture_that_is_added_is_shown_in_the_next_round(tmp_path, save):
    save("a.png", 10)
    source = FolderSource(tmp_path, interval=1.0 / FPS)
    source.open()
    source._pacer = Pacer(1.0 / FPS, sleep=lambda seconds: None)
    assert source.read()[0, 0, 0] == 10
    save("b.png", 20)
    assert [int(source.read()[0, 0, 0]) for _ in range(2)] == [10, 20]


def test_other_files_are_left_alone(show, save, tmp_path, caplog):
    save("a.png", 10)
    save(".hidden.png", 99)
    (tmp_path / "notes.txt").write_text("not a picture")
    assert show(3) == [10, 10, 10]
    assert not caplog.records


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(CameraError, match="put JPEG or PNG files there"):
        FolderSource(tmp_path).open()


def test_a_folder_without_one_readable_picture_says_what_to_do(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    source = FolderSource(tmp_path)
    source.open()
    with pytest.raises(CameraError, match="None of the pictures"):
        source.read()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CameraError, match=r"There is no folder .*nowhere"):
        FolderSource(tmp_path / "nowhere").open()


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(CameraError, match="is no folder"):
        FolderSource(tmp_path / "a.jpg").open()


def test_exif_orientation_is_applied(tmp_path):
    lying = np.zeros((48, 64, 3), np.uint8)
    lying[:, :32] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    Image.fromarray(lying).save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = load_picture(tmp_path / "a.jpg")
    assert pixels.shape == (64, 48, 3)
    assert pixels[8, 24, 0] > 200
    assert pixels[56, 24, 0] < 50


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((4000, 3000), (960, 720)), ((3000, 4000), (540, 720)), ((2560, 720), (1280, 360))],
    ids=["landscape", "portrait", "panorama"],
)
def test_a_large_photo_is_fitted_into_1280x720(tmp_path, size, fitted):
    Image.new("RGB", size, (9, 99, 199)).save(tmp_path / "a.jpg")
    height, width, _ = load_picture(tmp_path / "a.jpg").shape
    assert (width, height) == fitted


def test_a_turned_large_photo_is_not_reduced_twice(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4000, 3000)).save(tmp_path / "a.jpg", exif=exif)
    assert load_picture(tmp_path / "a.jpg").shape == (720, 540, 3)


def test_a_small_picture_is_not_enlarged(tmp_path, gray):
    Image.fromarray(gray(1, (32, 24))).save(tmp_path / "a.png")
    assert load_picture(tmp_path / "a.png").shape == (24, 32, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_transparent_picture_stands_on_white(tmp_path, mode):
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0)).convert(mode)
    if mode == "P":
        clear.info["transparency"] = clear.getpixel((0, 0))
    clear.save(tmp_path / "a.png")
    assert (load_picture(tmp_path / "a.png") == 255).all()


@pytest.mark.parametrize("mode", ["L", "CMYK", "1"])
def test_pictures_of_other_modes_become_rgb(tmp_path, mode):
    Image.new(mode, (16, 16)).save(tmp_path / "a.tif")
    pixels = load_picture(tmp_path / "a.tif")
    assert (pixels.shape, pixels.dtype) == ((16, 16, 3), np.uint8)
