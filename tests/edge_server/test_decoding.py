from __future__ import annotations

import io
import os

import numpy as np
import pytest
from PIL import Image

from edge_server.errors import UnsupportedImage
from edge_server.inference.decoding import decode

ORIENTATION = 0x0112
# What a camera that was held in another way has stored, by EXIF orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
QUARTERS = {"red": (0, 0), "lime": (0, 30), "blue": (20, 0), "white": (20, 30)}


@pytest.fixture(scope="module")
def quarters():
    """60x40, each quarter of another colour, so that every flip and turn shows."""
    image = Image.new("RGB", (60, 40))
    for colour, (top, left) in QUARTERS.items():
        image.paste(colour, (left, top, left + 30, top + 20))
    return image


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(7).integers(0, 256, (48, 64, 3), np.uint8)


def corners(pixels):
    return [pixels[y, x].astype(int).tolist() for y, x in ((9, 14), (9, 44), (29, 14), (29, 44))]


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "MPO"])
def test_exif_orientation_is_applied(kind, orientation, quarters, encode):
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {
        "JPEG": {"quality": 95},
        "WEBP": {"lossless": True},
        "MPO": {"quality": 95, "save_all": True, "append_images": [quarters]},
    }
    stored = quarters if turn is None else quarters.transpose(turn)
    pixels = decode(encode(stored, kind, exif=exif, **options.get(kind, {})))
    assert pixels.shape == (40, 60, 3)
    expected = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]
    np.testing.assert_allclose(corners(pixels), expected, atol=6)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_a_lossless_format_gives_the_pixels_that_were_saved(kind, noise, encode):
    options = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(decode(encode(noise, kind, **options)), noise)


def test_pixels_are_contiguous_uint8_rgb(noise, encode):
    for kind in ("JPEG", "PNG"):
        pixels = decode(encode(noise, kind))
        assert pixels.dtype == np.uint8
        assert pixels.shape == (48, 64, 3)
        assert pixels.flags.c_contiguous


def test_transparency_is_laid_on_white(encode):
    half = Image.new("RGBA", (8, 8), (200, 0, 0, 128))
    np.testing.assert_allclose(decode(encode(half))[4, 4], (227, 127, 127), atol=1)
    assert (decode(encode(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))) == 255).all()


def test_gray_with_transparency_is_laid_on_white(encode):
    assert (decode(encode(Image.new("LA", (8, 8), (0, 0)))) == 255).all()


def test_a_transparent_colour_of_a_palette_is_laid_on_white(encode):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(0, (0, 0, 4, 8))
    pixels = decode(encode(image, transparency=0))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 7].tolist() == [40, 50, 60]


def test_a_transparent_colour_of_an_rgb_png_is_laid_on_white(paint, encode):
    data = encode(Image.fromarray(paint(0, 255, 0)), transparency=(0, 255, 0))
    assert (decode(data) == 255).all()


def test_sixteen_bit_gray_is_scaled_to_eight(encode):
    values = np.uint16([[0, 257, 200 * 257, 65535]])
    assert decode(encode(values))[0, :, 0].tolist() == [0, 1, 200, 255]


def test_floating_point_pictures_are_refused_in_words(encode):
    with pytest.raises(UnsupportedImage, match="send 8 or 16 bits"):
        decode(encode(np.zeros((4, 4), np.float32), "TIFF"))


def test_cmyk_jpeg_has_its_colours(encode):
    data = encode(Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK"), "JPEG", quality=95)
    np.testing.assert_allclose(decode(data)[8, 8], (255, 0, 0), atol=6)


def test_gray_jpeg_becomes_three_equal_channels(encode):
    pixels = decode(encode(Image.new("L", (16, 16), 90), "JPEG"))
    assert pixels.shape == (16, 16, 3)
    np.testing.assert_allclose(pixels, 90, atol=2)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_picture_is_taken(kind, encode):
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(red, kind, save_all=True, append_images=[blue], **options)
    assert decode(data)[8, 8].tolist() == [255, 0, 0]


def test_a_full_size_photo_from_a_camera_is_decoded(shared):
    photos = sorted((shared / "photos" / "full_size").glob("*.jpg"))
    for photo in photos:
        with Image.open(io.BytesIO(photo.read_bytes())) as image:
            width, height = image.size
        assert decode(photo.read_bytes()).shape == (height, width, 3), os.fspath(photo)
    assert len(photos) > 10
