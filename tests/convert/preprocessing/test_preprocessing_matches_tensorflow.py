"""The device's preprocessing against TensorFlow's own, with which the models were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_server.inference import decoding, preprocessing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import ColorOrder, Filter, Fit, Preprocessing

# (height, width) -> (height, width): down, far down, up, one way each, odd, and not at all.
SIZES = [
    ((480, 640), (224, 224)),
    ((1080, 1920), (96, 160)),
    ((20, 30), (64, 48)),
    ((300, 50), (75, 200)),
    ((37, 53), (24, 31)),
    ((24, 24), (24, 24)),
]


def picture(height: int, width: int, seed: int = 0) -> Pixels:
    """Waves, edges and noise: everything that a filter can get wrong."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = 127 + 90 * np.sin(x / 7)[..., None] * np.cos(y[..., None] / np.array([5, 11, 23]))
    waves[(x // 16 + y // 16) % 2 == 0] *= 0.4
    noisy: Pixels = np.clip(waves + rng.normal(0, 12, waves.shape), 0, 255).astype(np.uint8)
    return noisy


def with_tensorflow(pixels: Pixels, size: tuple[int, int], *, antialias: bool) -> np.ndarray:
    import tensorflow as tf

    resized: np.ndarray = tf.image.resize(
        pixels.astype(np.float32), size, method="bilinear", antialias=antialias
    ).numpy()
    return resized


def stretch(height: int, width: int, how: Filter) -> Preprocessing:
    return Preprocessing(width, height, fit=Fit.STRETCH, filter=how)


def difference(pixels: Pixels, size: tuple[int, int], how: Filter) -> float:
    """The largest difference of a channel, in levels of 255."""
    ours = preprocessing.resize(pixels, stretch(*size, how)).astype(np.float64)
    theirs = with_tensorflow(pixels, size, antialias=how is Filter.BILINEAR_ANTIALIAS)
    return float(np.abs(ours - theirs).max())


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_bilinear_is_tf_image_resize_within_a_level(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    assert difference(picture(*source), target, Filter.BILINEAR) <= 1.0


@pytest.mark.parametrize(("source", "target"), SIZES)
def test_bilinear_antialias_is_tf_image_resize_with_antialias_within_two_levels(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    assert difference(picture(*source), target, Filter.BILINEAR_ANTIALIAS) <= 2.0


def test_the_two_filters_differ_where_it_matters() -> None:
    """Or the tests above would prove nothing."""
    pixels, size = picture(480, 640), (96, 96)
    plain = with_tensorflow(pixels, size, antialias=False)
    smooth = with_tensorflow(pixels, size, antialias=True)
    assert np.abs(plain - smooth).max() > 30


@pytest.mark.shared
@pytest.mark.parametrize("how", [Filter.BILINEAR, Filter.BILINEAR_ANTIALIAS])
def test_real_photos_are_resized_as_tensorflow_does(shared: Path, how: Filter) -> None:
    for file in sorted((shared / "photos" / "validation").iterdir())[:8]:
        pixels = decoding.decode(file.read_bytes())
        assert difference(pixels, (224, 224), how) <= 2.0, file.name


def test_nearest_takes_the_pixels_that_tensorflow_takes() -> None:
    """With odd sizes, in which no sample falls between two pixels: there the two round apart."""
    import tensorflow as tf

    pixels = picture(481, 641)
    theirs = tf.image.resize(pixels, (199, 225), method="nearest").numpy()
    np.testing.assert_array_equal(
        preprocessing.resize(pixels, stretch(199, 225, Filter.NEAREST)), theirs
    )


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (301, 300)])
def test_center_crop_is_tensorflows_central_square_resized(size: tuple[int, int]) -> None:
    import tensorflow as tf

    pixels = picture(*size)
    side = min(size)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    window = tf.image.crop_to_bounding_box(pixels, top, left, side, side)
    theirs = tf.image.resize(tf.cast(window, tf.float32), (96, 96), antialias=True).numpy()
    spec = Preprocessing(96, 96, fit=Fit.CENTER_CROP)
    assert np.abs(preprocessing.resize(pixels, spec) - theirs).max() <= 2.0


@pytest.mark.parametrize("size", [(300, 400), (400, 300)])
def test_letterbox_is_resize_with_pad(size: tuple[int, int]) -> None:
    import tensorflow as tf

    pixels = picture(*size)
    theirs = tf.image.resize_with_pad(
        pixels.astype(np.float32), 96, 96, method="bilinear", antialias=True
    ).numpy()
    spec = Preprocessing(96, 96, fit=Fit.LETTERBOX)
    assert np.abs(preprocessing.resize(pixels, spec) - theirs).max() <= 2.0


def test_gray_is_tensorflows_rgb_to_grayscale_within_a_level() -> None:
    import tensorflow as tf

    pixels = picture(64, 64)
    theirs = tf.image.rgb_to_grayscale(pixels.astype(np.float32)).numpy()
    ours = preprocessing.resize(pixels, Preprocessing(64, 64, ColorOrder.GRAYSCALE))
    assert ours.shape == (64, 64, 1)
    assert np.abs(ours - theirs).max() <= 1.0


@pytest.mark.parametrize("mode", ["tf", "caffe", "torch"])
def test_presets_are_those_of_keras_applications(mode: str) -> None:
    import tensorflow as tf

    pixels = picture(32, 32)
    theirs = tf.keras.applications.imagenet_utils.preprocess_input(
        pixels.astype(np.float32)[None], data_format="channels_last", mode=mode
    )
    spec = preprocessing.from_preset(mode, width=32, height=32)
    ours = preprocessing.normalize(preprocessing.resize(pixels, spec), spec)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(("preset", "scale"), [("unit", 1 / 255), ("raw", 1.0)])
def test_plain_presets_are_a_rescaling_layer(preset: str, scale: float) -> None:
    import tensorflow as tf

    pixels = picture(32, 32)
    theirs = tf.keras.layers.Rescaling(scale)(pixels[None].astype(np.float32)).numpy()
    spec = preprocessing.from_preset(preset, width=32, height=32)
    ours = preprocessing.normalize(preprocessing.resize(pixels, spec), spec)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
