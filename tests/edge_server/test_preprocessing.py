from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest

from edge_server.errors import SettingError
from edge_server.inference import preprocessing
from edge_server.inference.normalization import PRESETS
from edge_server.inference.preprocessing import (
    ColorOrder,
    Filter,
    Fit,
    Preprocessing,
    from_preset,
    normalize,
    quantization_table,
    quantize,
    resize,
)


def ramp(width=200, height=100, down=False):
    """Each column (or row) has its own number as its value."""
    values = np.arange(height if down else width, dtype=np.uint8)
    plane = np.broadcast_to(values[:, None] if down else values, (height, width))
    return np.repeat(plane[..., None], 3, axis=2)


def spec(width=50, height=50, **rest):
    return Preprocessing(width, height, **rest)


@pytest.mark.parametrize("how", [Filter.BILINEAR, Filter.BILINEAR_ANTIALIAS])
def test_stretch_shows_the_whole_picture(how):
    resized = resize(ramp(), spec(fit=Fit.STRETCH, filter=how))
    expected = 4 * np.arange(50) + 1.5
    np.testing.assert_allclose(resized[25, 1:-1, 0], expected[1:-1], atol=1)


def test_center_crop_shows_the_centre_square_of_a_wide_picture():
    resized = resize(ramp(), spec(fit=Fit.CENTER_CROP))
    np.testing.assert_allclose(resized[25, 1:-1, 0], 50 + 2 * np.arange(1, 49) + 0.5, atol=1)


def test_center_crop_shows_the_centre_square_of_a_tall_picture():
    resized = resize(ramp(100, 200, down=True), spec(fit=Fit.CENTER_CROP))
    np.testing.assert_allclose(resized[1:-1, 25, 0], 50 + 2 * np.arange(1, 49) + 0.5, atol=1)


def test_center_crop_keeps_the_shape_of_a_model_that_is_not_square():
    # 40x10 of a picture of 200x100: the window is the whole width and 50 rows.
    resized = resize(ramp(200, 100, down=True), spec(40, 10, fit=Fit.CENTER_CROP))
    np.testing.assert_allclose(resized[1:-1, 20, 0], 25 + 5 * np.arange(1, 9) + 2, atol=1)


def test_letterbox_shows_the_whole_picture_between_black_bars():
    resized = resize(ramp() + np.uint8(1), spec(fit=Fit.LETTERBOX))
    inside = np.flatnonzero(resized.any(axis=(1, 2)))
    assert (inside[0], inside[-1]) == (12, 36)
    np.testing.assert_allclose(resized[24, 1:-1, 0], 1 + 4 * np.arange(1, 49) + 1.5, atol=1)


def test_letterbox_puts_the_bars_beside_a_tall_picture(paint):
    resized = resize(paint(9, 9, 9, size=(100, 200)), spec(fit=Fit.LETTERBOX))
    assert np.flatnonzero(resized.any(axis=(0, 2))).tolist() == list(range(12, 37))


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("how", Filter)
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (31, 33), (640, 480)])
def test_any_picture_becomes_the_shape_of_the_model(fit, how, size, paint):
    for color in ColorOrder:
        specification = spec(32, 24, fit=fit, filter=how, color_order=color)
        resized = resize(paint(10, 20, 30, size=size), specification)
        assert resized.shape == (24, 32, specification.channels)
        assert resized.dtype == np.uint8
        assert resized.flags.c_contiguous


def stripes():
    return np.repeat(np.tile(np.uint8([0, 255]), 75)[None, :, None], 60, axis=0).repeat(3, axis=2)


def test_the_antialiasing_filter_averages_what_is_finer_than_its_grid():
    fine = resize(stripes(), spec(50, 20, fit=Fit.STRETCH, filter=Filter.BILINEAR_ANTIALIAS))
    assert 60 < fine.min() <= fine.max() < 195


@pytest.mark.parametrize("how", [Filter.BILINEAR, Filter.NEAREST])
def test_the_plain_filters_take_the_pixel_under_the_grid(how):
    # A third of the width: the centre of each new pixel lies on the centre of an old one.
    sampled = resize(stripes(), spec(50, 20, fit=Fit.STRETCH, filter=how))
    np.testing.assert_array_equal(sampled[10, :, 0], stripes()[0, 1::3, 0])


def test_bgr_turns_the_channels_round(paint):
    resized = resize(paint(10, 20, 30), spec(color_order=ColorOrder.BGR))
    assert resized[5, 5].tolist() == [30, 20, 10]


@pytest.mark.parametrize(
    ("colour", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)]
)
def test_gray_is_the_luma_of_bt601(colour, luma, paint):
    resized = resize(paint(*colour), spec(color_order=ColorOrder.GRAYSCALE))
    assert (resized == luma).all()


def test_a_picture_of_the_right_size_is_not_touched():
    noise = np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)
    np.testing.assert_array_equal(resize(noise, spec()), noise)


def test_normalize_uses_mean_and_deviation_of_each_channel(paint):
    torch = from_preset("torch", width=8, height=8)
    tensor = normalize(paint(255, 0, 128, size=(8, 8)), torch)
    assert tensor.shape == (1, 8, 8, 3)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(
        tensor[0, 0, 0],
        [(1 - 0.485) / 0.229, -0.456 / 0.224, (128 / 255 - 0.406) / 0.225],
        atol=1e-3,
    )


def test_caffe_takes_the_means_from_blue_green_and_red(paint):
    caffe = from_preset("caffe", width=8, height=8)
    tensor = normalize(resize(paint(200, 100, 50), caffe), caffe)
    np.testing.assert_allclose(
        tensor[0, 0, 0], [50 - 103.939, 100 - 116.779, 200 - 123.68], atol=1e-3
    )


@pytest.mark.parametrize(
    ("preset", "low", "high"), [("tf", -1, 1), ("unit", 0, 1), ("raw", 0, 255)]
)
def test_the_plain_presets_have_their_ranges(preset, low, high):
    ends = np.uint8([[[0] * 3, [255] * 3]])
    tensor = normalize(ends, from_preset(preset, width=2, height=1))
    assert (tensor.min(), tensor.max()) == (low, high)


@pytest.mark.parametrize(
    ("mean", "std", "scale", "zero_point"),
    [
        (127.5, 127.5, 1 / 127.5, 127),
        (127.5, 127.5, 1 / 127.5, 128),
        (127.5, 127.5, 1 / 128, 128),
        (128.0, 128.0, 1 / 128, 128),
        (0.0, 255.0, 1 / 255, 0),
        (0.0, 255.0, 1 / 256, 0),
        (0.0, 1.0, 1.0, 0),
    ],
)
def test_pixels_go_in_as_they_are_where_the_quantization_is_the_normalization(
    mean, std, scale, zero_point
):
    specification = spec(mean=(mean,), std=(std,))
    table = quantization_table(specification, scale, zero_point, np.uint8)
    assert preprocessing.is_identity(table)


def test_another_normalization_is_no_identity():
    for mean, std in ((0.0, 255.0), (120.0, 127.5)):
        table = quantization_table(spec(mean=(mean,), std=(std,)), 1 / 127.5, 128, np.uint8)
        assert not preprocessing.is_identity(table)


@pytest.mark.parametrize("zero_point", [-1, 0])
def test_an_int8_input_of_minus_one_to_one_keeps_every_level_apart(zero_point: int) -> None:
    """Its zero is at pixel 127.5: rounding the halves would fold neighbouring levels into one."""
    table = quantization_table(spec(mean=(127.5,), std=(127.5,)), 1 / 127.5, zero_point, np.int8)
    assert table[:, 0].tolist() == list(range(-128, 128))


def test_an_int8_input_is_the_pixel_less_128():
    table = quantization_table(spec(std=(255.0,)), 1 / 255, -128, np.int8)
    assert table.dtype == np.int8
    np.testing.assert_array_equal(table[:, 0], np.arange(256) - 128)
    assert not preprocessing.is_identity(table)


def test_values_beyond_the_range_are_clipped_and_do_not_wrap():
    table = quantization_table(spec(), 0.5, 0, np.int8)
    assert table.min() == 0
    assert table[255, 0] == 127


def test_quantize_is_the_rounded_normalization():
    chance = random.Random(3)
    pixels = np.random.default_rng(3).integers(0, 256, (6, 5, 3), np.uint8)
    for _ in range(200):
        count = chance.choice((1, 3))
        specification = spec(
            5,
            6,
            mean=tuple(chance.uniform(0, 255) for _ in range(count)),
            std=tuple(chance.uniform(1, 255) for _ in range(count)),
        )
        dtype = np.dtype(chance.choice(("int8", "uint8")))
        scale, zero_point = chance.uniform(0.002, 0.1), chance.randrange(-128, 128)
        zero_point += 128 if dtype == np.uint8 else 0
        table = quantization_table(specification, scale, zero_point, dtype)
        if preprocessing.is_identity(table):
            continue
        quantized = quantize(pixels, table)
        assert quantized.shape == (1, 6, 5, 3)
        assert quantized.dtype == dtype
        exact = normalize(pixels, specification).astype(np.float64) / scale + zero_point
        limits = np.iinfo(dtype)
        np.testing.assert_allclose(
            quantized, np.clip(exact, limits.min, limits.max), atol=0.5 + 1e-2
        )


def test_one_table_for_all_channels_and_one_for_each_agree():
    pixels = np.random.default_rng(4).integers(0, 256, (6, 5, 3), np.uint8)
    one = spec(mean=(100.0,), std=(50.0,))
    each = dataclasses.replace(one, mean=(100.0,) * 3, std=(50.0,) * 3)
    tables = [quantization_table(s, 0.05, 3, np.int8) for s in (one, each)]
    np.testing.assert_array_equal(*(quantize(pixels, table) for table in tables))


@pytest.mark.parametrize("fit", Fit)
@pytest.mark.parametrize("preset", PRESETS)
def test_json_and_back_is_the_same_specification(preset, fit):
    before = from_preset(preset, width=96, height=64, fit=fit, resize_filter=Filter.NEAREST)
    assert Preprocessing.from_json(json.loads(json.dumps(before.to_json()))) == before


@pytest.mark.parametrize(
    "change",
    [{"fit": "zoom"}, {"std": [0.0]}, {"mean": [1.0, 2.0]}, {"width": 0}, {"width": "wide"}],
)
def test_json_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match=r".+"):
        Preprocessing.from_json(spec().to_json() | change)


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(SettingError, match=r"Unknown preprocessing 'imagenet'.*tf \(-1\.\.1") as e:
        from_preset("imagenet", width=8, height=8)
    assert all(f"{name} (" in str(e.value) for name in PRESETS)


def test_a_preset_of_a_model_with_one_channel_is_gray():
    assert from_preset("tf", width=8, height=8, channels=1).color_order is ColorOrder.GRAYSCALE
    with pytest.raises(SettingError, match="use tf, unit or raw"):
        from_preset("torch", width=8, height=8, channels=1)


@pytest.mark.parametrize("preset", ["tf", "unit", "raw", "torch", "caffe"])
@pytest.mark.parametrize("order", [ColorOrder.RGB, ColorOrder.BGR])
def test_with_another_order_each_colour_keeps_its_own_mean_and_std(preset, order, paint):
    own = from_preset(preset, width=8, height=8)
    asked = from_preset(preset, width=8, height=8, color_order=order)
    assert asked.color_order is order
    pixels = paint(200, 120, 30, size=(8, 8))
    before = normalize(resize(pixels, own), own)
    after = normalize(resize(pixels, asked), asked)
    expected = before if order is own.color_order else before[..., ::-1]
    np.testing.assert_array_equal(after, expected)


def test_means_stand_in_the_model_s_own_order():
    caffe = from_preset("caffe", width=8, height=8, color_order=ColorOrder.RGB)
    assert (caffe.mean, caffe.std) == ((123.68, 116.779, 103.939), (1.0,))
    torch = from_preset("torch", width=8, height=8, color_order=ColorOrder.BGR)
    assert torch.mean == (103.53, 116.28, 123.675)
    assert torch.std == (57.375, 57.12, 58.395)


def test_one_channel_has_no_order_of_colours():
    gray = from_preset("unit", width=8, height=8, channels=1, color_order=ColorOrder.RGB)
    assert gray.color_order is ColorOrder.GRAYSCALE
    with pytest.raises(SettingError, match="one channel, which has no order of colours"):
        from_preset("unit", width=8, height=8, channels=1, color_order=ColorOrder.BGR)
