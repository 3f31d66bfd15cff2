"""Large JPEGs are decoded smaller where that is enough, and the model sees the same."""

from __future__ import annotations

import dataclasses
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
    assert picture.pixels.shape == ((400, 300, 3) if orientation >= 5 else (300, 400, 3))
    seen = preprocessing.resize(picture.pixels, spec, 4).astype(int)
    np.testing.assert_allclose(seen, preprocessing.resize(decoding.decode(data), spec), atol=3)


def test_a_side_that_can_t_be_divided_is_not_reduced(scene, encode):
    data = encode(scene(1604, 1202), "JPEG")
    picture = preprocessing.decode(data, SPEC)
    assert (picture.reduced, picture.pixels.shape) == (2, (601, 802, 3))
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
    whole = jpeg.decode

    def spy(data, orientation, reduced):
        asked.append(reduced)
        return whole(data, orientation, reduced)

    monkeypatch.setattr(jpeg, "decode", spy)
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
