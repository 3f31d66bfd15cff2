"""The proof on pictures: no good model is refused, and what is wrong is said as it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from colour_photos import Photos
from commands import Ran
from convert.errors import PicturesRefused, UsageError
from convert.sources import source, source_check

SIDE = 24
WEIGHTS = np.array([[3, -3, -3, 3], [-3, 3, -3, 3], [-3, -3, 3, -3]], np.float32)
Save = Callable[[Callable[[Any], Any]], Path]


@pytest.fixture
def save(tmp_path: Path, save_functions: Callable[..., Path]) -> Save:
    """A SavedModel of the colours, with a step in front."""
    import tensorflow as tf

    def write(step: Callable[[Any], Any]) -> Path:
        def classify(image: Any) -> Any:
            mean = tf.reduce_mean(step(image), [1, 2])
            return {"scores": tf.nn.softmax(tf.linalg.matmul(mean, WEIGHTS))}

        shapes = {"image": [None, SIDE, SIDE, 3]}
        return save_functions(tmp_path / "m", serving_default=(classify, shapes))

    return write


def noise(low: float, high: float) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, high, (4, SIDE, SIDE, 3)).astype(np.float32)


def test_a_model_that_looks_at_the_range_of_its_pixels_is_good(save: Save) -> None:
    import tensorflow as tf

    def divided(x: Any) -> Any:
        return tf.cond(tf.reduce_mean(x) > 2.0, lambda: x / 255.0, lambda: x)

    model = source.load(save(divided), None)
    for low, high in ((0, 1), (0, 255), (-1, 1)):
        source_check.check(model, noise(low, high))


def test_an_assertion_refuses_what_it_is_about_and_nothing_else(save: Save) -> None:
    import tensorflow as tf

    def checked(x: Any) -> Any:
        with tf.control_dependencies(
            [tf.debugging.assert_less_equal(tf.reduce_max(x), 1.0, "image must be 0..1")]
        ):
            return tf.identity(x)

    model = source.load(save(checked), None)
    source_check.check(model, noise(0, 1))
    with pytest.raises(PicturesRefused) as caught:
        source_check.check(model, noise(0, 255))
    said = str(caught.value)
    assert "assertion failed: [image must be 0..1]" in said
    assert said.endswith("look at --preprocessing.")
    assert "values from 0.0" in said
    assert "--input-size" not in said
    assert "{{" not in said
    with pytest.raises(PicturesRefused, match=r"image must be 0\.\.1"):
        model.predict(noise(0, 255))


def test_numbers_that_are_not_finite_are_not_the_proofs_business(save: Save) -> None:
    """The logarithm of black is infinite; whether that matters, the photos will show."""
    import tensorflow as tf

    model = source.load(save(tf.math.log), None)
    black = np.zeros((2, SIDE, SIDE, 3), np.float32)
    source_check.check(model, np.concatenate([black, noise(0, 1)]))


@pytest.mark.parametrize("file", ["m.h5", "m.keras"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("BatchNormalization", "computes with the whole batch"),
        ("Dropout", "the same picture otherwise the next time"),
    ],
)
def test_a_layer_that_trains_for_ever_is_named(
    tmp_path: Path, file: str, kind: str, said: str
) -> None:
    """Keras 2 keeps training=True, whatever the model is called with."""
    layers = importlib.import_module("tf_keras").layers
    image = layers.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(6, 3, activation="relu")(image)
    options = {"rate": 0.5} if kind == "Dropout" else {}
    x = getattr(layers, kind)(name="stuck", **options)(x, training=True)
    scores = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    importlib.import_module("tf_keras").Model(image, scores).save(tmp_path / file)
    model = source.load(tmp_path / file, None)
    with pytest.raises(UsageError) as caught:
        source_check.check(model, noise(0, 1))
    assert said in str(caught.value)
    assert "'stuck' is called with training=True: leave that out" in str(caught.value)
    assert ".keras')" not in str(caught.value)


def test_build_and_doctor_say_it_before_they_run_all_photos(
    save: Save, photos: Photos, build: Callable[..., Any], edge_convert: Callable[..., Ran]
) -> None:
    import tensorflow as tf

    path = save(lambda x: tf.nn.dropout(x, rate=0.5))
    ran, output = build(path, labels=None)
    assert (ran.status, output.exists()) == (2, False)
    assert "dropout or augmentation is at work" in ran.said
    assert "run the original" not in ran.said
    ran = edge_convert("doctor", path, "--validation", photos.by_class, "--labels", photos.labels)
    assert ran.status == 2
    assert "dropout or augmentation is at work" in ran.said


def test_doctor_goes_by_what_a_model_asserts_of_its_pixels(
    save: Save, photos: Photos, edge_convert: Callable[..., Ran]
) -> None:
    import tensorflow as tf

    def checked(x: Any) -> Any:
        fits = tf.debugging.assert_less_equal(tf.abs(x), 1.0, "image must be -1..1")
        darker = tf.debugging.assert_less_equal(tf.reduce_min(x), -0.2, "image must be -1..1")
        with tf.control_dependencies([fits, darker]):
            return tf.identity(x)

    path = save(checked)
    ran = edge_convert("doctor", path, "--validation", photos.by_class, "--labels", photos.labels)
    assert ran.status == 0
    assert "--preprocessing tf" in ran.said
