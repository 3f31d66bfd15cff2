from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from camera import jpeg as jpeg_module
from camera.errors import CameraError
from camera.frame import Jpeg
from camera.jpeg import encode_rgb, read_jpeg


def test_colours_keep_their_order():
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:] = (220, 30, 60)
    decoded = np.asarray(Image.open(io.BytesIO(encode_rgb(pixels))))
    assert np.abs(decoded.astype(int) - (220, 30, 60)).max() < 8


def test_it_holds_no_exif_and_ends_at_its_first_end_marker():
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    jpeg = encode_rgb(noise)
    assert "exif" not in Image.open(io.BytesIO(jpeg)).info
    assert jpeg.find(b"\xff\xd9") == len(jpeg) - 2


def test_less_quality_makes_less_bytes():
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    assert len(encode_rgb(noise, 30)) < len(encode_rgb(noise, 90))


def test_a_frame_that_cannot_be_written_to_is_encoded(gray):
    pixels = gray(90)
    pixels.setflags(write=False)
    assert encode_rgb(pixels).startswith(b"\xff\xd8")


@pytest.mark.parametrize("encoder", ["OpenCV", "Pillow"])
def test_a_large_picture_is_the_same_as_in_one_piece(monkeypatch, encoder):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 53, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((1280, 720)))
    if encoder == "Pillow":
        monkeypatch.setattr(jpeg_module, "_loaded_cv2", lambda: None)
    data = encode_rgb(pixels)
    assert b"\xff\xdd" in data  # it was made of strips
    assert read_jpeg(data).size == (1280, 720)
    monkeypatch.setattr(jpeg_module, "_STRIP_PIXELS", 2**30)
    whole = encode_rgb(pixels)
    assert b"\xff\xdd" not in whole
    found, wanted = (np.asarray(Image.open(io.BytesIO(d))) for d in (data, whole))
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize("size", [(70_000, 16), (16, 70_000)])
def test_what_is_too_large_for_a_jpeg_is_said(size):
    with pytest.raises(CameraError, match=f"{size[0]}x{size[1]} can't be written"):
        encode_rgb(np.zeros((size[1], size[0], 3), np.uint8))


def encoded(**options):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "JPEG", **options)
    return data.getvalue()


def segments(data):
    """Marker and bytes of each segment before the scan, and the rest."""
    position = 2
    while data[position + 1] != 0xDA:
        length = 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        yield data[position + 1], data[position : position + length]
        position += length
    yield 0xDA, data[position:]


def without_tables(data):
    return data[:2] + b"".join(part for marker, part in segments(data) if marker != 0xC4)


def test_a_whole_jpeg_is_left_as_it_is():
    for options in ({}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}):
        data = encoded(**options)
        assert read_jpeg(data) == Jpeg(data, (64, 48))


def test_huffman_tables_that_are_left_out_are_put_in():
    whole = encoded()
    bare = without_tables(whole)
    picture = read_jpeg(bare)
    assert [marker for marker, _ in segments(picture.data)].count(0xC4) == 1
    assert (picture.decode() == Jpeg(whole, (64, 48)).decode()).all()
    assert cv2.imdecode(np.frombuffer(picture.data, np.uint8), 1).shape == (48, 64, 3)


def test_what_follows_the_end_is_cut_off():
    data = encoded()
    assert read_jpeg(data + bytes(64)).data == data
    assert read_jpeg(data + data[-40:]).data == data


@pytest.mark.parametrize(
    "tear",
    [
        lambda data: b"",
        lambda data: data[:2],
        lambda data: data[: len(data) // 2],
        lambda data: data[: len(data) // 2] + data,
        lambda data: data[:-40] + b"\xff\x3c" + data[-40:],
        lambda data: data[1:],
        lambda data: data[:30] + data[60:],
    ],
    ids=["nothing", "start only", "no end", "two in one", "bad marker", "no start", "bad header"],
)
def test_a_torn_jpeg_is_none(tear):
    assert read_jpeg(tear(encoded())) is None
