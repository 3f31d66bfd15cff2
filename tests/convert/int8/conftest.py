"""Tiny graphs, in float32 and int8 as the converter makes them, and pictures for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.calibration import Calibration
from convert.photos import Unreadable
from edge_server.inference import preprocessing
from edge_server.inference.decoding import Pixels

SIDE = 24
CLASSES = 5


@dataclass(frozen=True)
class Graphs:
    """A float32 and a quantized .tflite of one network, and pictures that it was calibrated with.

    The second is of int8 unless another recipe was asked for.
    """

    float_model: bytes
    int8_model: bytes
    pictures: tuple[Pixels, ...]
    spec: preprocessing.Preprocessing = field(
        default=preprocessing.from_preset("tf", width=SIDE, height=SIDE)
    )

    @property
    def calibration(self) -> Calibration:
        unreadable = Unreadable(Path("photos"), len(self.pictures))
        return Calibration(Path("photos"), self.pictures, self.spec, unreadable)


def _pictures(count: int) -> tuple[Pixels, ...]:
    """Coarse patterns of colours, a little noisy."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(20, 235, (count, 4, 4, 3)).repeat(SIDE // 4, 1).repeat(SIDE // 4, 2)
    noisy = patterns + rng.normal(0, 12, patterns.shape)
    return tuple(np.clip(noisy, 0, 255).astype(np.uint8))


def _plain(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    return layers.Conv2D(12, 1, activation="relu")(x)


def _grouped(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Conv2D(8, 3, groups=4, activation="relu")(x)
    return layers.DepthwiseConv2D(3, depth_multiplier=2, dilation_rate=2)(x)


def _shared(layers: Any, x: Any) -> Any:
    twice = layers.Conv2D(6, 3, padding="same", activation="relu")
    return twice(twice(layers.Conv2D(6, 3, strides=2, activation="relu")(x)))


def _branches(layers: Any, x: Any) -> Any:
    first = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    both = layers.Concatenate()([first, layers.Conv2D(6, 1, use_bias=False)(x)])
    grown = layers.Conv2DTranspose(6, 3, strides=2, activation="relu")(both)
    return layers.Conv2D(6, 3)(layers.ZeroPadding2D(1)(grown))


def _unused(layers: Any, x: Any) -> Any:
    """Channels 2 and 5 never change. Channel 1 takes the whole range and counts little, channel 0
    a small part of it, which int8 says in a few steps, and counts most."""

    def given(values: Any) -> Any:
        return lambda shape, dtype: np.asarray(values, np.float32).reshape(shape)

    # All biases are different: the converter writes equal ones once.
    rng = np.random.default_rng(5)
    first = rng.uniform(0.1, 0.3, (3, 3, 3, 8)) * [0.1, 4, 1, 1, -1, 1, -1, 1]
    x = layers.Conv2D(
        8,
        3,
        strides=8,
        activation="relu6",
        kernel_initializer=given(first),
        bias_initializer=given([0.3, 0.2, -50, 0.3, 1.2, -50, 1.1, 0.2]),
    )(x)
    x = layers.DepthwiseConv2D(
        3,
        activation="relu6",
        depthwise_initializer=given(rng.uniform(0.1, 0.3, (3, 3, 8, 1))),
        bias_initializer=given([0.1, 0.2, 0.4, 0.1, 0.2, 0.4, 0.1, 0.2]),
    )(x)
    # What the channels are on average goes out of the sum again.
    average = [0.68, 4, 0.4, 1.4, 2.5, 0.4, 2.3, 1.1]
    last = rng.normal(0, 1, (8, 12)) * np.array([[4, 0.01, 0.1, 0.02, 0.02, 0.1, 0.02, 0.02]]).T
    return layers.Conv2D(
        12,
        1,
        kernel_initializer=given(last),
        bias_initializer=given(-np.array(average) @ last),
    )(x)


def _wide(layers: Any, x: Any) -> Any:
    """Two convolutions of a thousand weights or more: `dynamic` leaves smaller ones in float."""
    x = layers.Conv2D(40, 3, strides=3, activation="relu")(x)
    x = layers.DepthwiseConv2D(3, activation="relu6")(x)
    return layers.Conv2D(32, 1, activation="relu")(x)


_BODIES = {
    "plain": _plain,
    "grouped": _grouped,
    "shared": _shared,
    "branches": _branches,
    "unused": _unused,
    "wide": _wide,
}


@pytest.fixture(scope="session")
def graphs() -> Callable[..., Graphs]:
    """Makes, once each, the graphs of a body by its name, with input and output of a dtype."""
    made: dict[tuple[str, str, str], Graphs] = {}

    def make(name: str = "plain", io: str = "uint8", recipe: str = "int8") -> Graphs:
        if (name, io, recipe) not in made:
            made[name, io, recipe] = _convert(_BODIES[name], io, recipe)
        return made[name, io, recipe]

    return make


def _convert(body: Callable[[Any, Any], Any], io: str, recipe: str) -> Graphs:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(3)
    layers = tf.keras.layers
    image = layers.Input((SIDE, SIDE, 3), batch_size=1)
    pooled = layers.GlobalAveragePooling2D()(body(layers, image))
    spread = tf.keras.initializers.RandomNormal(0, 4, seed=1)
    # A bias of zeros would be left out of the graph.
    dense = layers.Dense(
        CLASSES, activation="softmax", kernel_initializer=spread, bias_initializer=spread
    )
    scores = dense(pooled)
    network = tf.keras.Model(image, scores)
    graphs = Graphs(b"", b"", _pictures(24))

    def representative() -> Iterator[list[Any]]:
        for picture in graphs.pictures:
            yield [preprocessing.normalize(picture, graphs.spec)]

    exact = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    sets = tf.lite.OpsSet
    operators = {
        "int8": sets.TFLITE_BUILTINS_INT8,
        "int16x8": sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
    }
    if recipe in operators:
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [operators[recipe]]
    converter.inference_input_type = converter.inference_output_type = tf.dtypes.as_dtype(io)
    return Graphs(bytes(exact), bytes(converter.convert()), graphs.pictures)
