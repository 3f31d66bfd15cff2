from __future__ import annotations

import io
import struct
from itertools import pairwise

import cv2
import numpy as np
import pytest
from PIL import Image

from camera import strips
from camera.jpeg import read_jpeg

RESTARTS = bytes(range(0xD0, 0xD8))


def noisy(width, height):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def with_cv2(pixels):
    return cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def with_pillow(pixels, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=80, **options)
    return stream.getvalue()


def full_colour(pixels):
    return with_pillow(pixels, subsampling="4:4:4")


def gray(pixels):
    return with_pillow(np.asarray(Image.fromarray(pixels).convert("L")))


def cut(pixels, rows):
    return [pixels[top : top + rows] for top in range(0, pixels.shape[0], rows)]


def decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("encode", [with_cv2, with_pillow, full_colour, gray])
@pytest.mark.parametrize("size", [(320, 240), (317, 203), (16, 250), (64, 65)])
def test_the_picture_is_the_one_that_is_encoded_as_a_whole(encode, size):
    pixels = noisy(*size)
    data = strips.joined([encode(strip) for strip in cut(pixels, 32)], size[1])
    whole = encode(pixels)
    # The coefficients are the same; at the borders of strips too.
    assert np.array_equal(decoded(data), decoded(whole))
    assert np.array_equal(
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR),
        cv2.imdecode(np.frombuffer(whole, np.uint8), cv2.IMREAD_COLOR),
    )
    assert len(data) < len(whole) * 1.02 + 6 + 8 * len(cut(pixels, 32))


def test_it_is_whole_by_its_markers_which_count_in_eights():
    data = strips.joined([with_cv2(strip) for strip in cut(noisy(64, 320), 16)], 320)
    parsed = read_jpeg(data)
    assert (parsed.size, parsed.data) == ((64, 320), data)
    scan = data[data.index(b"\xff\xda") :]
    found = [b for a, b in pairwise(scan) if a == 0xFF and b in RESTARTS]
    assert found == [0xD0 + n % 8 for n in range(19)]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda parts: [b"no JPEG", *parts], "no baseline"),
        (lambda parts: [with_pillow(noisy(64, 32), progressive=True)], "no baseline"),
        (lambda parts: [with_pillow(noisy(64, 24)), *parts], "multiple"),
        (lambda parts: [_with_restarts(parts[0]), *parts], "its own"),
    ],
)
def test_what_is_no_strip_is_refused(damage, sentence):
    parts = [with_pillow(strip) for strip in cut(noisy(64, 64), 32)]
    with pytest.raises(ValueError, match=sentence):
        strips.joined(damage(parts), 64)


def _with_restarts(jpeg):
    return jpeg[:2] + struct.pack(">BBHH", 0xFF, 0xDD, 4, 2) + jpeg[2:]
