from __future__ import annotations

import io

import numpy as np
from PIL import Image

from camera.jpeg import encode_rgb


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
