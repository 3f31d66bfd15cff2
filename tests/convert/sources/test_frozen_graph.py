"""Models of pixels, and of a fixed batch: what is converted answers as the original does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import quantize
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import BuildError, UsageError
from convert.file import tflite_schema
from convert.photos import Unreadable
from convert.recipes import RECIPES
from convert.sources import source, source_check
from convert.sources.source import Source
from edge_server.inference import preprocessing

SIDE = 24
COLOURS = {"red": (225, 30, 35), "green": (30, 220, 40), "blue": (35, 30, 225)}
Body = Callable[[Any], Any]


def photos(count: int, seed: int = 0) -> np.ndarray:
    """Noisy pictures in turn red, green and blue, whole numbers 0..255 in float32."""
    rng = np.random.default_rng(seed)
    plain = np.array(list(COLOURS.values()))[np.arange(count) % 3]
    noisy = plain[:, None, None] + rng.normal(0, 25, (count, SIDE, SIDE, 3))
    return np.clip(noisy, 0, 255).round().astype(np.float32)


def classify(floats: Any) -> Any:
    """Pixels 0..255 in float -> which channel is strongest."""
    import tensorflow as tf

    kernel = np.eye(3, dtype=np.float32)[None, None]
    blurred = tf.nn.conv2d(floats / 127.5 - 1, kernel, 1, "SAME")
    return {"scores": tf.nn.softmax(3 * tf.reduce_mean(blurred, [1, 2]))}


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Source]:
    """A SavedModel that takes uint8, or another dtype, in a batch of any size or a fixed one."""

    def make(body: Body, dtype: str = "uint8", batch: int | None = None) -> Source:
        import tensorflow as tf

        module = tf.Module()
        spec = tf.TensorSpec([batch, SIDE, SIDE, 3], dtype, name="image")
        module.f = tf.function(body, input_signature=[spec])
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
        return source.load(tmp_path / "m", None)

    return make


def converted(model: Source, recipe: str) -> bytes:
    spec = preprocessing.from_preset("raw", width=SIDE, height=SIDE)
    pictures = tuple(photos(12, seed=1).astype(np.uint8))
    calibrated = Calibration(Path("photos"), pictures, spec, Unreadable(Path("photos"), 12))
    return quantize.convert(model, RECIPES[recipe], calibrated, Console())


def answers(model: bytes, pictures: np.ndarray) -> np.ndarray:
    """What the .tflite makes of pixels 0..255; its own quantization is undone."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in pictures:
        if taken["dtype"] is np.uint8:
            assert taken["quantization"] == (1.0, 0)  # pixels go in as they are
        interpreter.set_tensor(taken["index"], picture[None].astype(taken["dtype"]))
        interpreter.invoke()
        row = interpreter.get_tensor(given["index"])[0].astype(np.float32)
        scale, zero = given["quantization"]
        rows.append((row - zero) * scale if scale else row)
    return np.stack(rows)


def cast(pixels: Any) -> Any:
    import tensorflow as tf

    return classify(tf.cast(pixels, tf.float32))


def turned(pixels: Any) -> Any:
    """BGR turned round twice, a slice, a reshape and a widening to int32 before the cast."""
    import tensorflow as tf

    turned_once = tf.gather(pixels[..., ::-1], [2, 1, 0], axis=-1)
    red, green, blue = tf.split(tf.cast(turned_once, tf.int32), 3, axis=-1)
    joined = tf.concat([red, green, tf.expand_dims(tf.squeeze(blue, -1), -1)], axis=-1)
    return classify(tf.cast(tf.reshape(joined, tf.shape(pixels)), tf.float32))


def resized(pixels: Any) -> Any:
    import tensorflow as tf

    return classify(tf.image.resize(pixels, (12, 12)))


@pytest.mark.parametrize("body", [cast, turned, resized])
def test_a_model_of_uint8_becomes_integers_only(load: Callable[..., Source], body: Body) -> None:
    model = load(body)
    assert model.input_dtype == "uint8"
    file = converted(model, "int8")
    graph = tflite_schema.describe(file)
    assert [t.dtype for t in (*graph.inputs, *graph.outputs)] == ["uint8", "uint8"]
    assert graph.float_tensors == ()
    assert "CAST" not in [operator.name for operator in graph.operators]
    pictures = photos(9)
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=0.02)


def test_a_model_of_uint8_in_float32_answers_as_the_original(load: Callable[..., Source]) -> None:
    model = load(turned)
    pictures = photos(9)
    file = converted(model, "float32")
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=1e-5)
    assert list(model.predict(pictures).argmax(axis=1)) == [0, 1, 2] * 3


def test_a_model_that_calculates_with_integers_keeps_its_casts(
    load: Callable[..., Source],
) -> None:
    """Halved as integers: left in float, odd pixels would come out otherwise."""
    import tensorflow as tf

    def halved(pixels: Any) -> Any:
        return classify(tf.cast(tf.cast(pixels, tf.int32) // 2 * 2, tf.float32))

    model = load(halved)
    pictures = photos(3)
    file = converted(model, "float32")
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=1e-5)
    with pytest.raises(BuildError):
        converted(model, "int8")


@pytest.mark.parametrize("preset", ["tf", "unit", "torch"])
def test_a_model_of_uint8_refuses_what_are_no_pixels(
    load: Callable[..., Source], preset: str
) -> None:
    spec = preprocessing.from_preset(preset, width=SIDE, height=SIDE)
    tensors = preprocessing.normalize(photos(1)[0].astype(np.uint8), spec)
    model = load(cast)
    with pytest.raises(UsageError, match="--preprocessing raw"):
        model.check_preprocessing(spec)
    with pytest.raises(UsageError, match="--preprocessing raw"):
        model.predict(tensors)


def test_raw_pixels_go_with_every_model(load: Callable[..., Source]) -> None:
    spec = preprocessing.from_preset("raw", width=SIDE, height=SIDE)
    load(cast).check_preprocessing(spec)
    load(classify, "float32").check_preprocessing(spec)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_fixed_batch_is_filled_up_and_converted_to_one(
    load: Callable[..., Source], dtype: str
) -> None:
    """As Keras makes it: the reshape before the dense layer has the batch in it."""
    import tensorflow as tf

    weights = np.tile(np.eye(3, dtype=np.float32), (SIDE * SIDE, 1)) / (60 * SIDE)

    def flattened(pixels: Any) -> Any:
        flat = tf.reshape(tf.cast(pixels, tf.float32), [8, SIDE * SIDE * 3])
        return {"scores": tf.nn.softmax(tf.linalg.matmul(flat, weights))}

    model = load(flattened, dtype, batch=8)
    assert model.batch == 8
    pictures = photos(11)
    expected = [
        model.function(image=tf.constant(np.repeat(p[None], 8, 0), dtype)) for p in pictures
    ]
    scores = model.predict(pictures)
    np.testing.assert_allclose(scores, [row["scores"][0] for row in expected], atol=1e-6)
    assert list(scores.argmax(axis=1)) == [n % 3 for n in range(11)]
    for recipe, atol in (("float32", 1e-5), ("int8", 0.02)):
        file = converted(model, recipe)
        assert tflite_schema.describe(file).inputs[0].shape == (1, SIDE, SIDE, 3)
        np.testing.assert_allclose(answers(file, pictures), scores, atol=atol)


def test_a_batch_whose_pictures_belong_together_is_refused(load: Callable[..., Source]) -> None:
    import tensorflow as tf

    def compared(pixels: Any) -> Any:
        return classify(pixels - tf.reduce_mean(pixels, axis=0, keepdims=True))

    model = load(compared, "float32", batch=8)
    with pytest.raises(UsageError, match=r"exactly 8 images at a time.*pictures beside it"):
        source_check.check(model, photos(4))


def test_a_batch_that_the_graph_is_bound_to_is_refused(load: Callable[..., Source]) -> None:
    import tensorflow as tf

    weights = np.ones((8, 3), np.float32)

    def bound(pixels: Any) -> Any:
        return {"scores": tf.reduce_mean(pixels, [1, 2]) * weights}

    with pytest.raises(UsageError, match=r"exactly 8 images at a time.*shape \(8, 3\).*free batch"):
        load(bound, "float32", batch=8)


@pytest.fixture(scope="module", params=["float16", "bfloat16"])
def half(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of a mixed policy in every form that Keras 3 writes; its last layer is half too."""
    import keras

    folder = tmp_path_factory.mktemp(request.param)
    keras.utils.set_random_seed(0)
    policy = f"mixed_{request.param}"
    image = keras.layers.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1.0, dtype=policy)(image)
    x = keras.layers.SeparableConv2D(6, 3, strides=2, activation="relu", dtype=policy)(x)
    x = keras.layers.BatchNormalization(dtype=policy)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=policy)(x)
    model = keras.Model(image, keras.layers.Dense(3, activation="softmax", dtype=policy)(x))
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    model.export(str(folder / "saved"), verbose=False)
    return folder


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "saved"])
def test_a_model_of_half_precision_is_converted_in_float32(half: Path, name: str) -> None:
    model = source.load(half / name, None)
    pictures = photos(9)
    source_check.check(model, pictures[:4])
    file = converted(model, "float32")
    graph = tflite_schema.describe(file)
    assert {t.dtype for t in (*graph.inputs, *graph.outputs)} == {"float32"}
    allowed = 0.01 if half.name.startswith("float16") else 0.05
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=allowed)


def test_a_model_of_half_precision_becomes_integers_only(half: Path) -> None:
    model = source.load(half / "m.keras", None)
    graph = tflite_schema.describe(converted(model, "int8"))
    assert graph.float_tensors == ()


def test_pixels_and_scores_of_half_precision_are_cast(load: Callable[..., Source]) -> None:
    import tensorflow as tf

    def in_half(pixels: Any) -> Any:
        scores = classify(tf.cast(pixels, tf.float32))["scores"]
        return {"scores": tf.cast(scores, tf.float16)}

    model = load(in_half, "float16")
    assert (model.input_dtype, model.half) == ("float32", True)
    pictures = photos(6)
    file = converted(model, "float32")
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=2e-3)


def test_a_loop_that_was_saved_for_a_free_batch_is_converted(
    tmp_path: Path, load: Callable[..., Source]
) -> None:
    """A model with the loop that Keras 3 exports for a GRU, which computes in float16."""
    import tensorflow as tf

    weights = np.random.default_rng(0).normal(0, 0.1, (SIDE * 3, 3)).astype(np.float16)

    def recurrent(pixels: Any) -> Any:
        rows = tf.cast(tf.reshape(pixels, [-1, SIDE, SIDE * 3]), tf.float16) / 255
        steps = tf.TensorArray(tf.float16, SIDE, element_shape=[None, SIDE * 3])
        steps = steps.unstack(tf.transpose(rows, [1, 0, 2]))
        seen = tf.zeros([tf.shape(pixels)[0], 3], tf.float16)
        for step in tf.range(SIDE):
            tf.autograph.experimental.set_loop_options(
                shape_invariants=[(seen, tf.TensorShape([None, 3]))]
            )
            seen = tf.tanh(0.5 * seen + tf.linalg.matmul(steps.read(step), weights))
        return {"scores": tf.cast(seen, tf.float32)}

    model = load(recurrent, "float32")
    pictures = photos(5)
    source_check.check(model, pictures[:4])
    file = converted(model, "float32")
    np.testing.assert_allclose(answers(file, pictures), model.predict(pictures), atol=5e-3)
