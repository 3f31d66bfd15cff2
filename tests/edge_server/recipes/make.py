"""Makes the .tflite files beside this one, with TensorFlow, which a device does not have:

    python tests/edge_server/recipes/make.py

One small network as each recipe converts it. It names the main colour of a 16x16 picture, 0..1:
its scores are a softmax of ten times the mean of red, green and blue. `fixed_batch.tflite` has a
RESHAPE to one row in it, so that it can't be resized. `variable_tensors.tflite` (a fused LSTM) and
`assigned_variables.tflite` (a tf.Variable) keep something from one run to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

SHAPE = (1, 16, 16, 3)
RECIPES = ("float32", "float16", "dynamic", "int8", "int16x8")
# The converter leaves smaller weights than 1024 numbers in float.
WIDTH = 48


def passing(*shape: int) -> np.ndarray:
    """A kernel that hands the three colours on, and noise in all that is not used for them."""
    kernel = np.random.default_rng(0).normal(0, 0.05, shape).astype(np.float32)
    kernel[..., :3, :] = 0
    kernel[..., :3] = 0
    for colour in range(3):
        kernel[..., colour, colour] = 1 / np.prod(shape[:-2], dtype=int)
    return kernel


def network(x: tf.Tensor, *, flatten: bool = False) -> tf.Tensor:
    x = tf.nn.relu(tf.nn.conv2d(x, passing(3, 3, 3, WIDTH), 2, "SAME"))
    x = tf.nn.relu(
        tf.nn.depthwise_conv2d(x, np.ones((1, 1, WIDTH, 1), np.float32), [1] * 4, "VALID")
    )
    x = tf.reduce_mean(tf.reshape(x, [1, 64, WIDTH]), 1) if flatten else tf.reduce_mean(x, [1, 2])
    x = tf.nn.relu(tf.matmul(x, passing(WIDTH, WIDTH)))
    return tf.nn.softmax(10 * tf.matmul(x, passing(WIDTH, 3)))


def photos() -> Iterator[list[np.ndarray]]:
    source = np.random.default_rng(1)
    for _ in range(16):
        yield [(source.random((1, 1, 1, 3)) * source.random(SHAPE)).astype(np.float32)]
        yield [np.broadcast_to(source.random((1, 1, 1, 3)).round(), SHAPE).astype(np.float32)]


def convert(recipe: str, *, flatten: bool = False) -> bytes:
    function = tf.function(
        lambda image: network(image, flatten=flatten),
        input_signature=[tf.TensorSpec(SHAPE, tf.float32, name="image")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if recipe != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe == "dynamic":
        # Or tflite-runtime 2.14 refuses the dense layers.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    if recipe == "int8":
        converter.representative_dataset = photos
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if recipe == "int16x8":
        converter.representative_dataset = photos
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    return bytes(converter.convert())


def recurrent() -> bytes:
    """Over the rows of a picture. Called through a function with a free batch, it is fused."""
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((16, 16, 3), name="image")
    rows = tf_keras.layers.Reshape((16, 48))(image)
    # Its forget gates stay open, so that what it keeps shows.
    gates = np.repeat(np.float32([0, 5, 0, 0]), 4)
    state = tf_keras.layers.LSTM(
        4, bias_initializer=lambda shape, dtype=None: gates, unit_forget_bias=False
    )(rows)
    wide = tf_keras.initializers.RandomNormal(stddev=3.0)
    scores = tf_keras.layers.Dense(3, activation="softmax", kernel_initializer=wide)(state)
    model = tf_keras.Model(image, scores)
    free = tf.function(
        lambda image: model(image, training=False),
        input_signature=[tf.TensorSpec((None, *SHAPE[1:]), tf.float32, name="image")],
    ).get_concrete_function()
    one = tf.function(
        lambda image: {"scores": free(image)},
        input_signature=[tf.TensorSpec(SHAPE, tf.float32, name="image")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [one.get_concrete_function()], model
    )
    return bytes(converter.convert())


class Smoothed(tf.Module):
    """Half of its scores are of the picture before."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = tf.Variable(np.zeros((1, 3), np.float32))

    @tf.function(input_signature=[tf.TensorSpec(SHAPE, tf.float32, name="image")])
    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        self.mean.assign(0.5 * self.mean + 0.5 * tf.reduce_mean(image, [1, 2]))
        return tf.nn.softmax(10 * self.mean)


def assigning() -> bytes:
    module = Smoothed()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.__call__.get_concrete_function()], module
    )
    return bytes(converter.convert())


if __name__ == "__main__":
    here = Path(__file__).parent
    for name in RECIPES:
        (here / f"{name}.tflite").write_bytes(convert(name))
    (here / "fixed_batch.tflite").write_bytes(convert("float32", flatten=True))
    (here / "variable_tensors.tflite").write_bytes(recurrent())
    (here / "assigned_variables.tflite").write_bytes(assigning())
