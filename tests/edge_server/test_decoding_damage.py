"""What is cut off, too large, damaged or no image at all."""

from __future__ import annotations

import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from edge_server.errors import ImageError, ImageTooLarge
from edge_server.inference.decoding import decode
from edge_server.inference.jpeg import first_scan
from edge_server.settings import Settings

ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(7).integers(0, 256, (48, 64, 3), np.uint8)


def png(width, height, rows):
    """A PNG with one bit a pixel, whose compressed rows need not be true."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, b"IDAT" + rows, b"IEND")
    )


def with_thumbnail(jpeg, thumbnail):
    """The JPEG with a whole other JPEG in its EXIF, as phones write it."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("form", ["baseline", "progressive", "gray", "cmyk", "thumbnail"])
def test_a_jpeg_that_was_cut_off_is_refused_wherever_it_was_cut(form, noise, encode):
    image = Image.fromarray(noise)
    if form == "thumbnail":
        data = with_thumbnail(encode(image, "JPEG"), encode(image.resize((16, 12)), "JPEG"))
    else:
        mode = {"gray": "L", "cmyk": "CMYK"}.get(form, "RGB")
        data = encode(image.convert(mode), "JPEG", progressive=form == "progressive")
    assert decode(data).shape == (48, 64, 3)
    for end in [*range(1, len(data) - 1, 29), len(data) - 2, len(data) - 1]:
        with pytest.raises(ImageError):
            decode(data[:end])


def test_bytes_after_a_jpeg_do_no_harm(noise, encode):
    data = encode(noise, "JPEG")
    np.testing.assert_array_equal(decode(data + b"\0" * 100), decode(data))


def test_fill_bytes_before_a_marker_do_no_harm(noise, encode):
    data = encode(noise, "JPEG")
    whole, filled = first_scan(data), first_scan(data[:2] + b"\xff\xff" + data[2:])
    assert filled == whole._replace(begin=whole.begin + 2)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM"])
@pytest.mark.filterwarnings("ignore")
def test_other_pictures_that_were_cut_off_are_refused(kind, noise, encode):
    data = encode(noise, kind)
    for end in range(1, len(data) * 9 // 10, 97):
        with pytest.raises(ImageError):
            decode(data[:end])


def test_a_png_is_refused_until_its_last_row_is_there(noise, encode):
    data = encode(noise)
    last = data.index(b"IEND") - 4 - 4 - 8  # before the checksums of the chunk and of its content
    for end in range(last - 60, last):
        with pytest.raises(ImageError, match="cut off"):
            decode(data[:end])


def test_too_many_pixels_are_refused_from_the_header_alone(encode, paint):
    # Neither file has a pixel in it: whoever decodes it finds it damaged, not too large.
    jpeg = bytearray(encode(paint(1, 2, 3), "JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 9000, 8000)
    for data in (png(8000, 9000, b""), bytes(jpeg[: jpeg.index(b"\xff\xda") + 14])):
        with pytest.raises(ImageTooLarge, match="8000 x 9000 pixels, over the limit of 50 million"):
            decode(data)


def test_far_too_many_pixels_are_refused_too():
    with pytest.raises(ImageTooLarge, match="send a smaller one"):
        decode(png(60_000, 60_000, b""))


def test_the_highest_limit_that_can_be_set_is_one_that_pillow_keeps():
    limit = 1_000_000 * Settings.__dataclass_fields__["max_pixels"].metadata["maximum"]
    with pytest.raises(ImageError, match="damaged or cut off"):  # and not too large
        decode(png(limit // 10_000, 10_000, b""), max_pixels=limit)


def test_the_limit_is_inclusive(paint, encode):
    data = encode(paint(1, 2, 3, size=(20, 10)))
    assert decode(data, max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(ImageTooLarge):
        decode(data, max_pixels=199)


def test_an_empty_body_is_named_as_such():
    with pytest.raises(ImageError, match="empty"):
        decode(b"")


def seeds(noise, encode):
    image = Image.fromarray(noise[:24, :40])
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    many = {"save_all": True, "append_images": [image.rotate(180)]}
    return [
        encode(image, "JPEG", exif=exif),
        encode(image, "JPEG", progressive=True),
        encode(image.convert("CMYK"), "JPEG"),
        encode(image, "MPO", **many),
        encode(image, "PNG", exif=exif),
        encode(image, "PNG", **many),
        encode(image.quantize(16), "PNG", transparency=3),
        encode(np.uint16(noise[:20, :20, 0]) * 250, "PNG"),
        encode(image, "WEBP", exif=exif),
        encode(image, "WEBP", **many),
        encode(image, "GIF", **many),
        encode(image, "BMP"),
        encode(image.quantize(16), "BMP"),
        encode(image, "TIFF"),
        encode(image, "TIFF", compression="tiff_lzw"),
        encode(image, "TIFF", compression="jpeg"),
        encode(image, "PPM"),
    ]


def mutated(data, chance):
    data = bytearray(data)
    if chance.random() < 0.25:
        del data[chance.randrange(len(data)) :]
    for _ in range(chance.choice((1, 2, 4, 16))):
        at = chance.randrange(min(len(data), chance.choice((40, 200, 10**9)))) if data else 0
        what = chance.random()
        if what < 0.7:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif what < 0.8:
            del data[at : at + chance.randrange(8)]
        elif what < 0.9:
            data[at:at] = chance.randbytes(chance.randrange(8))
        else:
            data[at : at + 4] = chance.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"))
    return bytes(data)


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_give_pixels_or_an_image_error_and_nothing_else(noise, encode, capfd):
    chance = random.Random(1)
    files = seeds(noise, encode)
    refused = 0
    for _ in range(4000):
        data = mutated(chance.choice(files), chance)
        try:
            pixels = decode(data, max_pixels=1_000_000)
        except ImageError as error:
            refused += 1
            assert str(error).endswith("."), data
        else:
            assert pixels.dtype == np.uint8, data
            assert pixels.ndim == 3, data
            assert pixels.shape[2] == 3, data
    assert 1000 < refused < 3900  # it tried both sorts


def test_random_bytes_are_never_an_image():
    chance = random.Random(2)
    for _ in range(500):
        with pytest.raises(ImageError):
            decode(chance.randbytes(chance.randrange(1, 300)))
