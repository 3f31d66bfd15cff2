"""Tiny real SavedModels whose answers are known: they name the colour of a picture, red, green,
blue or yellow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SIDE = 24


def colour_logits(image: Any) -> Any:
    """float32 (n, h, w, 3) in -1..1 -> logits (n, 4), far apart for pictures of one colour."""
    import tensorflow as tf

    prototypes = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    blurred = tf.nn.conv2d(image, np.eye(3, dtype=np.float32)[None, None], 1, "SAME")
    return tf.linalg.matmul(tf.reduce_mean(blurred, [1, 2]), 3 * prototypes.T)


def save_functions(folder: Path, **functions: tuple[Callable[..., Any], dict[str, Any]]) -> Path:
    """Write a SavedModel: each name becomes a signature, with its inputs' shapes."""
    import tensorflow as tf

    module = tf.Module()
    signatures = {}
    for name, (function, shapes) in functions.items():
        specs = [tf.TensorSpec(s, tf.float32, name=key) for key, s in shapes.items()]
        signatures[name] = tf.function(function, input_signature=specs).get_concrete_function()
        setattr(module, name, signatures[name])
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of SavedModels, one for each case that a conversion meets."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")
    image = {"image": [None, SIDE, SIDE, 3]}

    def colours(image: Any) -> Any:
        return {"scores": tf.nn.softmax(colour_logits(image))}

    def logits(image: Any) -> Any:
        return {"logits": colour_logits(image)}

    def sigmoid(image: Any) -> Any:
        return {"scores": tf.sigmoid(colour_logits(image))}

    def brightness(image: Any) -> Any:
        """Gray: dark, middle, bright."""
        x = tf.reduce_mean(image, [1, 2, 3])
        return {"scores": tf.nn.softmax(tf.stack([-16 * x - 4, 0 * x, 16 * x - 4], axis=1))}

    def crude(image: Any) -> Any:
        """Right in float; in 8 bits its outputs, 0..1000, leave no room for what matters."""
        small = colour_logits(image) / 9
        return {"logits": tf.concat([small, 0 * small[:, :1] - 1000], axis=1)}

    def two(first: Any, second: Any) -> Any:
        return {"scores": tf.nn.softmax(colour_logits(first) + colour_logits(second))}

    def words(text: Any) -> Any:
        return {"scores": tf.nn.softmax(text)}

    def mapped(image: Any) -> Any:
        """Preprocessing in a loop, as examples for serving have it."""
        return {"scores": tf.nn.softmax(colour_logits(tf.map_fn(lambda one: one * 1.0, image)))}

    def logarithm(image: Any) -> Any:
        """Of pixels 0..255; -inf inside where they are dark, and finite scores."""
        bright = tf.nn.relu(tf.math.log(tf.nn.relu(image - 60.0)))
        return {"scores": tf.nn.softmax(colour_logits(bright))}

    def infinite(image: Any) -> Any:
        return {"scores": tf.math.log(0 * colour_logits(image))}

    save_functions(folder / "colours", serving_default=(colours, image))
    save_functions(folder / "logits", serving_default=(logits, image))
    save_functions(folder / "sigmoid", serving_default=(sigmoid, image))
    save_functions(folder / "several", classify=(colours, image), raw=(logits, image))
    save_functions(folder / "crude", serving_default=(crude, image))
    save_functions(folder / "mapped", serving_default=(mapped, image))
    save_functions(folder / "logarithm", serving_default=(logarithm, image))
    save_functions(folder / "infinite", serving_default=(infinite, image))
    save_functions(folder / "free", serving_default=(colours, {"image": [None, None, None, 3]}))
    save_functions(folder / "batch_of_1", serving_default=(colours, {"image": [1, SIDE, SIDE, 3]}))
    save_functions(folder / "batch_of_8", serving_default=(colours, {"image": [8, SIDE, SIDE, 3]}))
    save_functions(folder / "gray", serving_default=(brightness, {"image": [None, SIDE, SIDE, 1]}))
    save_functions(folder / "words", serving_default=(words, {"text": [None, 7]}))
    save_functions(
        folder / "two_inputs",
        serving_default=(two, {"first": [None, SIDE, SIDE, 3], "second": [None, SIDE, SIDE, 3]}),
    )
    _single_outputs(folder, image)
    tf.saved_model.save(tf.Module(), str(folder / "no_signature"))
    return folder


def _single_outputs(folder: Path, image: dict[str, Any]) -> None:
    """What is no list of class scores, and what no device can run."""
    import tensorflow as tf

    def one_number(image: Any) -> Any:
        return {"p": tf.sigmoid(colour_logits(image)[:, :1])}

    def two_outputs(image: Any) -> Any:
        return {"scores": tf.nn.softmax(colour_logits(image)), "mean": colour_logits(image)}

    def a_map(image: Any) -> Any:
        return {"map": image}

    def tensorflow_only(image: Any) -> Any:
        distances = tf.linalg.svd(tf.reduce_mean(image, 3), compute_uv=False)
        return {"scores": tf.nn.softmax(distances[:, :4])}

    def needs_its_size(image: Any) -> Any:
        flat = tf.reshape(tf.ensure_shape(image, [None, SIDE, SIDE, 3]), [-1, SIDE * SIDE * 3])
        return {"scores": tf.nn.softmax(flat[:, :4])}

    save_functions(folder / "one_number", serving_default=(one_number, image))
    save_functions(folder / "two_outputs", serving_default=(two_outputs, image))
    save_functions(folder / "a_map", serving_default=(a_map, image))
    save_functions(folder / "tensorflow_only", serving_default=(tensorflow_only, image))
    save_functions(
        folder / "needs_its_size",
        serving_default=(needs_its_size, {"image": [None, None, None, 3]}),
    )


@pytest.fixture(scope="session")
def keras_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Keras 3's model.export() writes: the same signature as serve and serving_default."""
    import tensorflow as tf

    layers = tf.keras.layers
    head = layers.Dense(4, activation="softmax")
    network = tf.keras.Sequential(
        [layers.Input((SIDE, SIDE, 3)), layers.GlobalAveragePooling2D(), head]
    )
    prototypes = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    head.set_weights([3 * prototypes.T, np.zeros(4, np.float32)])
    folder = tmp_path_factory.mktemp("keras") / "model"
    network.export(str(folder), verbose=False)
    return folder
