"""SavedModels of every make: the same colours come out, whoever saved them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import UsageError
from convert.sources import source, source_check
from convert.sources.source import Source

SIDE = 24
COLOURS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
Network = Callable[..., Any]


def pictures(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Red, green, blue and yellow, -1..1."""
    return np.broadcast_to(COLOURS[:, None, None], (4, height, width, 3)).astype(np.float32)


def names_the_colours(model: Source) -> bool:
    shown = pictures(model.height, model.width)
    alone = model.single_image_function()
    single = [alone(p[None])[model.output_name].numpy().argmax() for p in shown]
    return single == list(model.predict(shown).argmax(axis=1)) == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def network() -> Network:
    """The colour classifier with layers that do something else while they train."""

    def make(library: str, shape: tuple[int | None, int | None] = (SIDE, SIDE), **more: Any) -> Any:
        keras = importlib.import_module(library)
        layers = keras.layers
        head = layers.Dense(4, activation=more.get("activation", "softmax"))
        inputs = layers.Input((*shape, 3), name="picture")
        x = layers.Resizing(SIDE, SIDE)(inputs) if more.get("resize") else inputs
        x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
        model = keras.Model(inputs, head(layers.Dropout(0.5)(x)))
        head.set_weights([3 * COLOURS.T, np.zeros(4, np.float32)])
        return model

    return make


@pytest.mark.parametrize("activation", ["softmax", None])
def test_keras_3_export(network: Network, tmp_path: Path, activation: str | None) -> None:
    network("keras", activation=activation).export(str(tmp_path / "m"), verbose=False)
    loaded = source.load(tmp_path / "m", None)
    assert (loaded.format, loaded.signature) == ("saved_model", "serving_default")
    assert names_the_colours(loaded)


def test_tf_saved_model_save_of_a_keras_3_model(network: Network, tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(network("keras"), str(tmp_path / "m"))
    assert names_the_colours(source.load(tmp_path / "m", None))


def test_keras_2_save(network: Network, tmp_path: Path) -> None:
    network("tf_keras").save(tmp_path / "m", save_format="tf")
    loaded = source.load(tmp_path / "m", None)
    assert loaded.input_name == "picture"
    assert names_the_colours(loaded)


def test_a_resize_inside_the_graph_belongs_to_the_model(network: Network, tmp_path: Path) -> None:
    network("tf_keras", (40, 56), resize=True).save(tmp_path / "m", save_format="tf")
    loaded = source.load(tmp_path / "m", None)
    assert (loaded.height, loaded.width) == (40, 56)
    assert names_the_colours(loaded)


@pytest.mark.parametrize("batch", [None, 1])
def test_dropout_that_drops_is_refused(
    save_functions: Callable[..., Path], tmp_path: Path, batch: int | None
) -> None:
    """Keras 3.15 exports a model with a Resizing layer like this, training."""
    import tensorflow as tf

    def classify(image: Any) -> Any:
        mean = tf.nn.dropout(tf.reduce_mean(image, [1, 2]), rate=0.5)
        return {"scores": tf.nn.softmax(tf.linalg.matmul(mean, 3 * COLOURS.T))}

    save_functions(tmp_path / "m", serving_default=(classify, {"image": [batch, SIDE, SIDE, 3]}))
    loaded = source.load(tmp_path / "m", None)
    with pytest.raises(UsageError, match=r"dropout or augmentation is at work.*model\.save"):
        source_check.check(loaded, pictures())


def test_an_answer_that_hangs_on_its_batch_is_refused(
    save_functions: Callable[..., Path], tmp_path: Path
) -> None:
    """Batch normalization does that while it trains."""
    import tensorflow as tf

    def classify(image: Any) -> Any:
        mean = tf.reduce_mean(image, [1, 2])
        centred = mean - tf.reduce_mean(mean, axis=0, keepdims=True)
        return {"scores": tf.nn.softmax(tf.linalg.matmul(centred, 3 * COLOURS.T))}

    save_functions(tmp_path / "m", serving_default=(classify, {"image": [None, SIDE, SIDE, 3]}))
    loaded = source.load(tmp_path / "m", None)
    with pytest.raises(UsageError, match=r"beside another one: it computes with the whole batch"):
        source_check.check(loaded, pictures())


def tf1(folder: Path, *, switch: str) -> Path:
    """What TensorFlow 1 wrote, with dropout behind a switch."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, [None, SIDE, SIDE, 3], name="input")
        training = v1.placeholder_with_default(False, [], name="is_training")
        weights = v1.get_variable("w", initializer=3 * COLOURS.T)
        mean = tf.reduce_mean(image, [1, 2])
        kept = tf.cond(training, lambda: tf.nn.dropout(mean, rate=0.9), lambda: mean)
        scores = tf.nn.softmax(tf.linalg.matmul(kept, weights))
        session.run(v1.global_variables_initializer())
        inputs = {"input": image} | ({"is_training": training} if switch == "given" else {})
        v1.saved_model.simple_save(session, str(folder), inputs, {"softmax": scores})
    return folder


@pytest.mark.parametrize("switch", ["left out", "given"])
def test_tensorflow_1_with_its_training_switch_off(tmp_path: Path, switch: str) -> None:
    loaded = source.load(tf1(tmp_path / "m", switch=switch), None)
    assert (loaded.input_name, loaded.output_name) == ("input", "softmax")
    assert names_the_colours(loaded)


def module(**calls: dict[str, Any]) -> Any:
    """A module without signatures, that was called with these values of `training`."""
    import tensorflow as tf

    class Classifier(tf.Module):
        @tf.function
        def __call__(self, image: Any, training: bool = False) -> Any:
            mean = tf.reduce_mean(image, [1, 2])
            mean = tf.nn.dropout(mean, rate=0.9) if training else mean
            return tf.nn.softmax(tf.linalg.matmul(mean, 3 * COLOURS.T))

    classifier = Classifier()
    for call in calls.values():
        spec = tf.TensorSpec(call.pop("shape", [None, SIDE, SIDE, 3]), tf.float32)
        classifier.__call__.get_concrete_function(spec, **call)
    return classifier


def test_a_module_without_signatures_is_called_as_it_was_saved(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module(a={}, b={"training": True}), str(tmp_path))
    loaded = source.load(tmp_path, None)
    assert (loaded.signature, loaded.input_name) == ("__call__", "image")
    assert names_the_colours(loaded)
    assert source.load(tmp_path, "__call__").classes == 4


def test_several_ways_to_call_a_module_are_none_to_choose(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module(a={}, b={"shape": [None, 32, 32, 3]}), str(tmp_path))
    with pytest.raises(UsageError, match="no signatures and can be called in several ways"):
        source.load(tmp_path, None)


def test_a_module_without_signatures_has_none_to_name(tmp_path: Path) -> None:
    import tensorflow as tf

    tf.saved_model.save(module(a={}), str(tmp_path))
    with pytest.raises(UsageError, match="has no signatures"):
        source.load(tmp_path, "serving_default")
