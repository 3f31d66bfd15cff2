"""Large JPEGs are decoded smaller where that is enough, and the model sees the same."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from PIL import Image

from child_memory import cost
from edge_server.inference import bundle, decoding, jpeg, preprocessing
from edge_server.inference.classifier import Classifier
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit, Preprocessing, reduction

ORIENTATION = 0x0112
SPEC = Preprocessing(64, 64)


@pytest.fixture(scope="module")
def scene():
    """A picture with detail of every size, (height, width, 3): like a photo, not like noise."""

    @cache
    def make(width, height):
        chance = np.random.default_rng(3)
        made = None
        for cells in (256, 64, 16, 4):
            layer = Image.fromarray(chance.integers(0, 256, (cells, cells, 3), np.uint8))
            layer = layer.resize((width, height), Image.Resampling.BILINEAR)
            made = layer if made is None else Image.blend(made, layer, 0.5)
        return np.asarray(made)

    return make


def shape(picture):
    return np.asarray(picture.pixels).shape


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        ((255, 255), 1),
        ((512, 512), 2),
        ((511, 600), 1),
        ((1024, 1024), 4),
        ((4000, 1024), 4),
        ((2048, 9000), 8),
        ((40_000, 30_000), 8),
    ],
)
def test_four_pixels_are_kept_for_each_that_the_model_sees(size, factor):
    assert reduction(SPEC, *size) == factor


@pytest.mark.parametrize(
    ("fit", "factor"), [(Fit.CENTER_CROP, 2), (Fit.STRETCH, 2), (Fit.LETTERBOX, 4)]
)
def test_what_counts_is_the_part_that_is_used(fit, factor):
    # Of 1200x600 a crop keeps 600x600; between bars the whole becomes 64x32.
    assert reduction(dataclasses.replace(SPEC, fit=fit), 1200, 600) == factor


def test_a_long_side_does_not_make_up_for_a_short_one():
    wide = Preprocessing(20, 200, fit=Fit.STRETCH)
    assert reduction(wide, 8000, 800) == 1
    assert reduction(wide, 800, 8000) == 8


@pytest.mark.parametrize("how", [Filter.BILINEAR, Filter.NEAREST])
@pytest.mark.parametrize("fit", Fit)
def test_a_filter_that_samples_single_pixels_gets_all_of_them(how, fit):
    assert reduction(dataclasses.replace(SPEC, filter=how, fit=fit), 8000, 6000) == 1


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("size", [(1600, 1200), (1208, 1600), (808, 1608)])
@pytest.mark.parametrize("color", ColorOrder)
def test_the_model_sees_the_same_of_a_reduced_picture(fit, size, color, scene, encode):
    spec = dataclasses.replace(SPEC, fit=fit, color_order=color)
    data = encode(scene(*size), "JPEG", quality=90)
    assert preprocessing.decode(data, spec).reduced >= 2
    seen = preprocessing.see(data, spec).astype(int)
    whole = preprocessing.resize(decoding.decode(data), spec)
    # An offset of a fraction of a pixel alone would move the mean by more.
    assert np.abs(seen - whole).max() <= 3
    assert np.abs(seen - whole).mean() < 0.2


@pytest.mark.parametrize("reduced", [2, 4, 8])
def test_a_crop_of_a_reduced_picture_begins_at_a_fraction_of_a_pixel(reduced):
    # The crop begins at column 12 of the whole, which no reduced pixel begins at.
    ramp = np.repeat(np.arange(0, 256, 2, np.uint8)[None, :, None], 104, axis=0).repeat(3, axis=2)
    small = ramp.reshape(104 // reduced, reduced, 128 // reduced, reduced, 3).mean((1, 3))
    spec = Preprocessing(8, 8)
    seen = preprocessing.resize(np.rint(small).astype(np.uint8), spec, reduced)
    whole = preprocessing.resize(ramp, spec)
    np.testing.assert_allclose(seen[:, 1:-1].astype(int), whole[:, 1:-1], atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_reduced_picture_as_it_turns_the_whole(orientation, scene, encode):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encode(scene(1600, 1200), "JPEG", quality=95, exif=exif)
    spec = Preprocessing(64, 64, fit=Fit.STRETCH)
    picture = preprocessing.decode(data, spec)
    assert picture.reduced == 4
    assert shape(picture) == ((400, 300, 3) if orientation >= 5 else (300, 400, 3))
    seen = preprocessing.resize(picture.pixels, spec, 4).astype(int)
    np.testing.assert_allclose(seen, preprocessing.resize(decoding.decode(data), spec), atol=3)


def test_a_side_that_can_t_be_divided_is_not_reduced(scene, encode):
    data = encode(scene(1604, 1202), "JPEG")
    picture = preprocessing.decode(data, SPEC)
    assert (picture.reduced, shape(picture)) == (2, (601, 802, 3))
    assert preprocessing.decode(encode(scene(1603, 1201), "JPEG"), SPEC).reduced == 1


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_gray_and_progressive_jpegs_are_reduced_too(mode, progressive, scene, encode):
    image = Image.fromarray(scene(1600, 1200)).convert(mode)
    data = encode(image, "JPEG", progressive=progressive, quality=90)
    picture = preprocessing.decode(data, SPEC)
    assert picture.reduced == 4
    expected = np.asarray(image.convert("RGB").reduce(4), int)
    assert np.abs(picture.pixels - expected).mean() < 1.5


@pytest.mark.parametrize("reduced", [1, 2, 4, 8])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("L", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": "4:4:4"}),
        ("RGB", {"subsampling": "4:2:2"}),
        ("RGB", {"quality": 30}),
        ("RGB", {"restart_marker_rows": 1}),
    ],
    ids=["colour", "grey", "progressive", "444", "422", "coarse", "restarts"],
)
def test_both_decoders_give_the_same_pixels(mode, options, reduced, scene, encode):
    data = encode(Image.fromarray(scene(640, 480)).convert(mode), "JPEG", **options)
    for orientation in range(1, 9):
        picture = jpeg.load(Image.open(io.BytesIO(data)), data, orientation, reduced)
        assert picture.mode == "RGB"
        np.testing.assert_array_equal(picture, jpeg.decode(data, orientation, reduced))


def test_both_decoders_refuse_the_same(scene, encode):
    data = encode(scene(640, 480), "JPEG")
    middle = len(data) // 2
    without_table = data.replace(b"\xff\xdb", b"\xff\xe3", 1)
    for damaged in (data[:-2], data[:middle], without_table):
        with pytest.raises(jpeg.ImageError) as by_pillow:
            jpeg.load(Image.open(io.BytesIO(damaged)), damaged)
        with pytest.raises(jpeg.ImageError) as by_opencv:
            jpeg.decode(damaged)
        assert str(by_pillow.value) == str(by_opencv.value)


@pytest.mark.parametrize(
    ("how", "color", "needed"),
    [
        (Filter.BILINEAR_ANTIALIAS, ColorOrder.RGB, False),
        (Filter.BILINEAR_ANTIALIAS, ColorOrder.BGR, False),
        (Filter.BILINEAR, ColorOrder.RGB, True),
        (Filter.BILINEAR_ANTIALIAS, ColorOrder.GRAYSCALE, True),
    ],
)
def test_opencv_is_imported_only_where_the_preprocessing_needs_it(how, color, needed, tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.jpg")
    program = (
        "import sys; from edge_server import server\n"
        "from edge_server.inference.preprocessing import *\n"
        f"spec = Preprocessing(32, 32, ColorOrder({color.value!r}), filter=Filter({how.value!r}))\n"
        f"see(open({str(tmp_path / 'photo.jpg')!r}, 'rb').read(), spec)\n"
        "print('cv2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(needed)


def test_another_format_is_decoded_whole(scene, encode):
    assert preprocessing.decode(encode(scene(1600, 1200), "BMP"), SPEC).reduced == 1


def test_a_torn_photo_is_refused_at_any_scale(scene, encode):
    data = encode(scene(1600, 1200), "JPEG")
    with pytest.raises(jpeg.ImageError, match="cut off"):
        preprocessing.decode(data[:-2], SPEC)


def test_the_classifier_reads_photos_that_way(bundled_model, scene, encode, monkeypatch):
    classifier = Classifier(bundle.read(bundled_model))
    data = encode(scene(1600, 1200), "JPEG")
    asked = []
    decode = preprocessing.decode

    def spy(*arguments, **options):
        picture = decode(*arguments, **options)
        asked.append(picture.reduced)
        return picture

    monkeypatch.setattr(preprocessing, "decode", spy)
    answer = classifier.classify(data)
    assert asked == [8]
    same = classifier.classify_pixels(decoding.decode(data))
    assert [p.label for p in answer.top] == [p.label for p in same.top]


def test_a_photo_of_twelve_megapixels_takes_little_memory(scene, encode):
    data = encode(scene(4000, 3000), "JPEG", quality=90)
    setup = (
        "from edge_server.inference import decoding, preprocessing\n"
        "spec = preprocessing.Preprocessing(224, 224)"
    )
    reduced = cost("preprocessing.see(data, spec).size", data, setup)
    whole = cost("preprocessing.resize(decoding.decode(data), spec).size", data, setup)
    assert reduced.answer == whole.answer == 224 * 224 * 3
    assert reduced.megabytes < 35
    assert whole.megabytes > 60
