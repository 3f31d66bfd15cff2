"""Deployed architectures without trained bodies, to see which recipes bring them through.

usage: python architectures.py NAME PHOTOS OUT.keras

PHOTOS is a folder of class folders. The body's weights are random and its batch normalization has
the statistics of the photos; the head is fitted to them. What that shows is whether operators,
ranges and layers of an architecture pass conversion, and nothing about trained networks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.linear_model import LogisticRegression

SIDE = 128
FITTED = 400


def vit(inputs):
    """A small vision transformer: patches of 16, four blocks, one token that is averaged."""
    x = layers.Conv2D(96, 16, 16)(layers.Rescaling(1 / 127.5, offset=-1.0)(inputs))
    x = layers.Reshape((-1, 96))(x)
    for _ in range(4):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 24)(y, y)])
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        y = layers.Dense(96)(layers.Activation("gelu")(layers.Dense(384)(y)))
        x = layers.Add()([x, y])
    return layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))


def attention(inputs):
    """Convolutions, then attention between the places of their output."""
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for filters in (16, 32, 64, 64):
        x = layers.Conv2D(filters, 3, 2, "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((-1, 64))(x)
    x = layers.Add()([x, layers.MultiHeadAttention(4, 16)(x, x)])
    return layers.GlobalAveragePooling1D()(x)


def application(name):
    """A network of keras.applications without its head, with its own preprocessing inside."""

    def body(inputs):
        x, options = inputs, {}
        if name in ("DenseNet121", "NASNetMobile", "ResNet50", "InceptionV3"):
            x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
        if name == "MobileNetV3Small":
            options = {"include_preprocessing": True}
        made = getattr(keras.applications, name)(
            include_top=False, weights=None, input_shape=(SIDE, SIDE, 3), **options
        )
        return layers.GlobalAveragePooling2D()(made(x))

    return body


BODIES = {
    "vit": vit,
    "attention": attention,
    **{
        name: application(name)
        for name in (
            *("EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small", "NASNetMobile"),
            *("DenseNet121", "ResNet50", "InceptionV3", "ConvNeXtTiny"),
        )
    },
}


def photos(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, SIDE, SIDE, 3) 0..255 and class numbers, evenly over the classes."""
    found, known = [], []
    for number, each in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        for file in sorted(each.iterdir())[: FITTED // 10]:
            with Image.open(file) as picture:
                found.append(np.asarray(picture.convert("RGB").resize((SIDE, SIDE))))
            known.append(number)
    return np.stack(found).astype(np.float32), np.array(known)


def main() -> None:
    name, folder, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    keras.utils.set_random_seed(1)
    pixels, known = photos(folder)
    inputs = keras.Input((SIDE, SIDE, 3))
    body = keras.Model(inputs, BODIES[name](inputs))
    walk = [layer for outer in body.layers for layer in (outer, *getattr(outer, "layers", ()))]
    for layer in walk:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(2):
        for batch in np.split(np.random.default_rng(0).permutation(pixels), FITTED // 50):
            body(batch, training=True)
    features = body.predict(pixels, batch_size=50, verbose=0)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    fitted = LogisticRegression(max_iter=2000).fit((features - mean) / spread, known)
    head = layers.Dense(len(fitted.classes_), "softmax")
    model = keras.Model(inputs, head(body.output))
    kernel = fitted.coef_.T / spread[:, None]
    head.set_weights([kernel, fitted.intercept_ - mean @ kernel])
    print(f"{name}: {fitted.score((features - mean) / spread, known):.1%} of its own photos")
    model.save(target)


if __name__ == "__main__":
    main()
