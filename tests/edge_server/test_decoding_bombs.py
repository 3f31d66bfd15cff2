"""Small files that would fill the memory or hold up the processor are refused before they do."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from child_memory import cost
from image_files import png, png_chunk, tiff, with_jpeg_size

DECODE = "decode(data).size"
SETUP = "from edge_server.inference.decoding import decode"
MEGABYTES, SECONDS = 25, 1.0


@pytest.fixture(scope="module")
def refused_cheaply():
    def check(data, status, *words):
        assert len(data) < 3_000_000
        found = cost(DECODE, data, SETUP)
        assert found.status == status, found
        for word in words:
            assert word in found.error
        assert found.megabytes < MEGABYTES, found
        assert found.seconds < SECONDS, found

    return check


@pytest.fixture(scope="module")
def tile():
    return Image.new("RGB", (64, 48), (200, 30, 60))


def test_the_measure_sees_what_decoding_takes(encode):
    found = cost(DECODE, encode(Image.new("RGB", (4000, 3000))), SETUP)
    assert found.answer == 36_000_000
    assert found.megabytes > 30


@pytest.mark.parametrize("size", [(18_000, 9_900), (60_000, 60_000)])
def test_a_png_of_zeros(size, refused_cheaply):
    width, height = size
    rows = bytes(width // 8 + 1) * min(height, 10_000)
    refused_cheaply(png(width, height, 1, 0, rows), 413, "send a smaller one")


def test_a_png_whose_header_says_less_than_it_holds(refused_cheaply):
    rows = (b"\0" + bytes(3 * 8)) * 8 + bytes(100_000_000)
    data = png(8, 8, 8, 2, rows)
    found = cost(DECODE, data, SETUP)
    assert found.answer == 8 * 8 * 3
    assert found.megabytes < MEGABYTES


def text_chunk(kind, packed):
    return png_chunk(
        kind, {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"k\0\0"}[kind] + packed
    )


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
@pytest.mark.parametrize("times", [1, 120])
def test_text_that_unpacks_to_a_hundred_megabytes(kind, times, refused_cheaply):
    packed = zlib.compress(b"A" * (100_000_000 // times))
    chunks = text_chunk(kind, packed) * times
    found = cost(DECODE, png(8, 8, 8, 0, (b"\0" + bytes(8)) * 8, chunks=chunks), SETUP)
    assert found.megabytes < 90  # Pillow keeps 64 MiB of text at most
    assert found.seconds < SECONDS
    assert found.answer == 8 * 8 * 3 or (found.status == 413 and "metadata" in found.error)


def test_a_gif_of_an_enormous_screen(tile, encode, refused_cheaply):
    data = encode(tile, "GIF")
    refused_cheaply(data[:6] + struct.pack("<HH", 65535, 65535) + data[10:], 413, "pixels")


def test_a_gif_with_a_frame_beyond_its_screen(tile, encode, refused_cheaply):
    data = encode(tile, "GIF")
    frame = data.index(b"\x2c", 13) + 5
    for size in ((60_000, 60_000), (9_000, 9_000)):
        huge = data[:frame] + struct.pack("<HH", *size) + data[frame + 4 :]
        refused_cheaply(huge, 413, "pixels")


@pytest.mark.parametrize("size", [(65500, 65500), (9_000, 9_000)])
def test_a_jpeg_with_an_enormous_header(size, tile, encode, refused_cheaply):
    refused_cheaply(with_jpeg_size(encode(tile, "JPEG"), *size), 413, "pixels")


def test_a_webp_without_loss(tile, encode, refused_cheaply):
    data = bytearray(encode(tile, "WEBP", lossless=True))
    header = data.index(b"VP8L") + 9
    data[header : header + 4] = struct.pack("<I", 16383 | 16383 << 14)
    refused_cheaply(bytes(data), 413, "pixels")


def test_an_animated_webp(tile, encode, refused_cheaply):
    frames = {"save_all": True, "append_images": [tile.rotate(90)], "lossless": True}
    data = bytearray(encode(tile, "WEBP", **frames))
    canvas = data.index(b"VP8X") + 12
    data[canvas : canvas + 6] = b"\xff\x3f\0\xff\x3f\0"
    refused_cheaply(bytes(data), 413, "pixels")


@pytest.mark.parametrize("side", [20_000, 65_520])
def test_a_tiff_with_an_enormous_tile(side, refused_cheaply):
    packed = zlib.compress(bytes(100_000_000))
    tags = {259: [8], 322: [side], 323: [side], 324: [0], 325: [len(packed)]}
    data = tiff(packed, 100, 100, tags)
    refused_cheaply(data, 413, "pixels")


def test_a_tiff_with_an_enormous_strip():
    packed = zlib.compress(bytes(100_000_000))
    data = tiff(packed, 100, 100, {259: [8], 278: [4_000_000], 279: [len(packed)]})
    found = cost(DECODE, data, SETUP)
    assert found.megabytes < MEGABYTES
    assert found.seconds < SECONDS


def test_a_progressive_jpeg_of_thousands_of_passes(refused_cheaply, encode):
    # Each further pass costs a walk over all the pixels, and is a few hundred bytes.
    image = Image.fromarray(np.zeros((3000, 4000), np.uint8))
    data = encode(image, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    refused_cheaply(data[:-2] + data[last:-2] * 1000 + data[-2:], 422, "64 passes")


def test_scans_that_are_not_read_cost_nothing(encode):
    # All of it is in the first one, where decoders stop; what looks like others is not looked for.
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = encode(noise, "JPEG")
    scan = data.rindex(b"\xff\xda")
    found = cost(DECODE, data[:-2] + data[scan:-2] * 10_000 + data[-2:], SETUP)
    assert found.answer == 48 * 64 * 3
    assert found.seconds < SECONDS


def test_the_passes_of_a_usual_progressive_jpeg_are_allowed(encode):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = encode(noise, "JPEG", progressive=True)
    assert data.count(b"\xff\xda") >= 8
    assert cost(DECODE, data, SETUP).answer == 48 * 64 * 3
