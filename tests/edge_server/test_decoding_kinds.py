"""Every kind of file that people have: each gives what they see, or a sentence with 415 or 422."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from edge_server.errors import ImageError, UnsupportedImage
from edge_server.inference.decoding import decode
from image_files import bmp, png, png_chunk, tiff, with_segment, without_segment

ORIENTATION = 0x0112
RED, BLUE = (200, 30, 60), (20, 180, 240)
# A colour of 16 bits a channel that is (200, 100, 255) in 8.
DEEP = struct.pack(">3H", 200 * 257, 100 * 257, 65535)


@pytest.fixture(scope="module")
def halves():
    """64x48, red on the left and blue on the right."""
    image = Image.new("RGB", (64, 48), RED)
    image.paste(BLUE, (32, 0, 64, 48))
    return image


def shows_halves(data, tolerance=3):
    pixels = decode(data)
    assert pixels.shape == (48, 64, 3)
    np.testing.assert_allclose(pixels[24, 8], RED, atol=tolerance)
    np.testing.assert_allclose(pixels[24, 56], BLUE, atol=tolerance)


def colour_of(data):
    pixels = decode(data)
    assert (pixels == pixels[0, 0]).all()
    return pixels[0, 0].tolist()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_jpeg_of_every_camera(progressive, subsampling, halves, encode):
    shows_halves(
        encode(halves, "JPEG", quality=95, progressive=progressive, subsampling=subsampling)
    )


def test_cmyk_jpeg_as_photoshop_writes_it_inverted(halves, encode):
    data = encode(halves.convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data
    shows_halves(data)


def test_cmyk_jpeg_without_adobes_mark(halves, encode):
    shows_halves(without_segment(encode(halves.convert("CMYK"), "JPEG", quality=95), 0xEE))


def test_ycck_jpeg(halves, encode):
    # CMY is stored as YCbCr, key inverted; Pillow inverts all that it writes as CMYK.
    cyan, magenta, yellow, key = halves.convert("CMYK").split()
    as_ycc = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr")
    ycc = [ImageOps.invert(channel) for channel in as_ycc.split()]
    data = bytearray(encode(Image.merge("CMYK", (*ycc, key)), "JPEG", quality=95))
    mark = data.index(b"Adobe")
    data[mark + 11] = 2  # its transform: YCCK
    shows_halves(bytes(data), tolerance=6)


def test_a_jpeg_in_rgb_as_adobes_mark_says(halves, encode):
    shows_halves(encode(halves, "JPEG", quality=95, keep_rgb=True))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("first", [b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>", b"Other\0"])
def test_exif_is_found_behind_other_segments_in_either_byte_order(order, first, halves, encode):
    exif = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        f"{order}IHHHIHHI", 8, 1, ORIENTATION, 3, 1, 3, 0, 0
    )
    data = with_segment(encode(halves, "JPEG", quality=95), 0xE1, b"Exif\0\0" + exif)
    upside_down = decode(with_segment(data, 0xE1, first))
    np.testing.assert_allclose(upside_down[24, 8], BLUE, atol=3)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation, kind, halves, encode):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    shows_halves(encode(halves, kind, exif=exif))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_colour_profile_is_left_alone_as_tensorflow_does(kind, halves, encode):
    # A profile that turns red into something else when it is applied.
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    plain = decode(encode(halves, kind, **options))
    with_profile = encode(halves, kind, icc_profile=profile, **options)
    assert Image.open(io.BytesIO(with_profile)).info["icc_profile"] == profile
    np.testing.assert_array_equal(decode(with_profile), plain)


def test_png_of_sixteen_bits_a_channel():
    assert colour_of(png(8, 8, 16, 2, (b"\0" + DEEP * 8) * 8)) == [200, 100, 255]


def test_png_of_sixteen_bits_with_transparency():
    half = DEEP + struct.pack(">H", 0x8000)
    np.testing.assert_allclose(
        colour_of(png(8, 8, 16, 6, (b"\0" + half * 8) * 8)), (227, 177, 255), atol=1
    )
    grey = struct.pack(">2H", 200 * 257, 0)
    assert colour_of(png(8, 8, 16, 4, (b"\0" + grey * 8) * 8)) == [255] * 3


def test_gray_png_of_sixteen_bits_with_a_transparent_level():
    row = b"\0" + struct.pack(">4H", 7, 7, 200 * 257, 200 * 257)
    clear = png_chunk(b"tRNS", struct.pack(">H", 7))
    pixels = decode(png(4, 4, 16, 0, row * 4, chunks=clear))
    assert pixels[0, :, 0].tolist() == [255, 255, 200, 200]


def test_png_of_one_bit():
    pixels = decode(png(8, 2, 1, 0, b"\0\xf0" * 2))
    assert pixels[0, :, 0].tolist() == [255] * 4 + [0] * 4


def test_a_palette_png_with_half_transparent_entries(halves, encode):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([*RED, *BLUE])
    np.testing.assert_allclose(
        decode(encode(image, transparency=bytes([128, 255])))[0, 0],
        [round(255 - (255 - c) * 128 / 255) for c in RED],
        atol=1,
    )


def test_an_interlaced_png_is_the_same_picture():
    # Adam7 of 2x2: the first pass has one pixel, the sixth one, the seventh a row of two.
    pixel = {"a": b"\x0a\0\0", "b": b"\x14\0\0", "c": b"\x1e\0\0", "d": b"\x28\0\0"}
    rows = b"\0" + pixel["a"] + b"\0" + pixel["b"] + b"\0" + pixel["c"] + pixel["d"]
    pixels = decode(png(2, 2, 8, 2, rows, interlace=1))
    assert pixels[..., 0].tolist() == [[10, 20], [30, 40]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_a_first_picture_that_is_partly_transparent_lies_on_white(kind, encode):
    image = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    image.paste((*RED, 255), (8, 0, 16, 16))
    image.paste((*RED, 255), (0, 0, 1, 16))  # or a WebP would hold the right half alone
    options = {"lossless": True} if kind == "WEBP" else {}
    other = Image.new("RGBA", (16, 16), (*BLUE, 255))
    pixels = decode(encode(image, kind, save_all=True, append_images=[other], **options))
    assert pixels[4, 2].tolist() == [255, 255, 255]
    np.testing.assert_allclose(pixels[4, 12], RED, atol=2)


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"]
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK"])
def test_tiff_of_every_usual_compression(compression, mode, halves, encode):
    if (compression, mode) != ("jpeg", "RGBA"):
        shows_halves(encode(halves.convert(mode), "TIFF", compression=compression), tolerance=6)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_a_fax(compression, encode):
    page = Image.new("1", (64, 48), 1)
    page.paste(0, (0, 0, 32, 48))
    pixels = decode(encode(page, "TIFF", compression=compression))
    assert pixels[20, [2, 60], 0].tolist() == [0, 255]


def sixteen(values):
    return np.array(values, "<u2").tobytes()


@pytest.mark.parametrize(
    ("data", "level"),
    [
        (tiff(sixteen([200 * 257] * 64), 8, 8, {258: [16]}), 200),
        (tiff(sixteen([200 * 257] * 64), 8, 8, {258: [16], 262: [0]}), 55),
        (tiff(b"\x10" * 64, 8, 8, {262: [0]}), 239),
        (tiff(b"\x80\x08\x00" * 32, 8, 8, {258: [12]}), 128),
    ],
    ids=["16 bits", "16 bits, white is 0", "8 bits, white is 0", "12 bits"],
)
def test_gray_tiff_of_any_depth(data, level):
    np.testing.assert_allclose(colour_of(data), [level] * 3, atol=1)


def test_tiff_of_sixteen_bits_a_channel():
    pixels = np.array([200 * 257, 100 * 257, 65535] * 64, "<u2").tobytes()
    tags = {258: [16, 16, 16], 262: [2], 277: [3]}
    assert colour_of(tiff(pixels, 8, 8, tags)) == [200, 100, 255]


@pytest.mark.parametrize(
    "data",
    [
        tiff(np.full(64, 2**31, "<u4").tobytes(), 8, 8, {258: [32]}),
        tiff(np.full(64, 0.5, "<f4").tobytes(), 8, 8, {258: [32], 339: [3]}),
        tiff(
            np.full(192, 0.5, "<f4").tobytes(),
            8,
            8,
            {258: [32] * 3, 262: [2], 277: [3], 339: [3] * 3},
        ),
    ],
    ids=["32 bits", "float", "float RGB"],
)
def test_tiff_whose_numbers_are_not_pictures_is_refused_in_words(data):
    with pytest.raises(ImageError, match=r"16 bits|floating") as caught:
        decode(data)
    assert caught.value.status in (415, 422)


def test_bmp_with_transparency():
    pixel = bytes((*RED[::-1], 128))
    np.testing.assert_allclose(
        colour_of(bmp(pixel * 64, 8, 8, alpha=True)), (227, 142, 157), atol=1
    )


def test_bmp_whose_fourth_byte_means_nothing():
    assert colour_of(bmp(bytes((*RED[::-1], 0)) * 64, 8, 8, alpha=False)) == list(RED)


def container(brand, *compatible):
    body = brand + b"\0\0\0\0" + b"".join(compatible)
    return struct.pack(">I", len(body) + 8) + b"ftyp" + body + b"\0" * 64


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (container(b"heic", b"mif1", b"heic"), "HEIC photos .* Most Compatible"),
        (container(b"mif1", b"heic", b"miaf"), "HEIC photos"),
        (container(b"avif", b"avif", b"mif1"), "AVIF"),
        (container(b"mif1", b"miaf", b"avif"), "AVIF"),
        (container(b"isom", b"mp42"), "video"),
        (container(b"qt  "), "video"),
        (b"\xff\x0a" + b"\0" * 99, "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 99, "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 99, "JPEG 2000"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg width='9'/>", "SVG"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"\r\n  <HTML><head>", "web page"),
        (b"PK\x03\x04" + b"\0" * 30, "archive"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"hello", "not an image"),
        (b'{"detail": "Not authenticated"}', "not an image"),
        (b"\0" * 999, "not an image"),
    ],
)
def test_what_is_not_decoded_is_refused_by_its_name_with_what_to_send(data, words):
    with pytest.raises(UnsupportedImage, match=rf"{words}.*\.$") as caught:
        decode(data)
    assert caught.value.status == 415


@pytest.mark.parametrize("kind", ["ICO", "AVIF", "JPEG2000"])
def test_real_files_of_these_kinds_are_refused_too(kind, halves, encode):
    with pytest.raises(UnsupportedImage, match="not supported"):
        decode(encode(halves.resize((32, 32)), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_half_a_picture_is_damaged_and_not_of_an_unknown_kind(kind, halves, encode):
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    data = encode(noise, kind)
    for end in (24, len(data) // 2):
        with pytest.raises(ImageError, match=r"cut off|damaged") as caught:
            decode(data[:end])
        assert caught.value.status == 422


def test_a_jpeg_of_twelve_bits_or_without_loss_is_refused_in_words(halves, encode):
    data = bytearray(encode(halves, "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(ImageError, match="of a kind that no camera writes"):
        decode(bytes(data))


def test_opencv_and_pillow_read_the_same_pixels(shared):
    for photo in sorted((shared / "photos" / "full_size").glob("*.jpg"))[:6]:
        with Image.open(photo) as image:
            expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(decode(photo.read_bytes()), expected)
    assert cv2.__version__
