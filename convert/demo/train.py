"""Trains the demo's small CNN and exports it as a SavedModel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from convert.demo import digits, strokes
from convert.demo.augment import augment
from convert.demo.digits import Digits
from convert.metrics import Classes
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import FloatTensor, Preprocessing

PRESET: Final = "unit"
SIDE: Final = 32
EPOCHS: Final = 45
_BATCH: Final = 64
_DRAWN_OF_EACH_SHAPE: Final = 20
_SEED: Final = 20


def specification() -> Preprocessing:
    """What the model is trained with: one channel, 32x32, 0..1."""
    return preprocessing.from_preset(PRESET, width=SIDE, height=SIDE, channels=1)


def model() -> Any:
    """A CNN of about 50,000 weights: float32 (n, 32, 32, 1), 0..1 -> probabilities (n, 10)."""
    layers = tf.keras.layers
    stack: list[Any] = [layers.Input((SIDE, SIDE, 1), name="image")]
    for filters, stride in ((16, 1), (24, 2), (32, 1), (48, 2), (64, 1)):
        stack += [
            layers.Conv2D(filters, 3, stride, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
        ]
    stack += [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.2),
        layers.Dense(digits.CLASSES, activation="softmax", name="probabilities"),
    ]
    return tf.keras.Sequential(stack)


def train(data: Digits, report: Any) -> Any:
    """Train on `data` alone. `report` wraps the epochs, to show progress."""
    # The same seeds and kernels give the same model on the same machine and versions.
    tf.keras.utils.set_random_seed(_SEED)
    tf.config.experimental.enable_op_determinism()
    rng = np.random.default_rng(_SEED)
    ink, labels = _with_drawn_shapes(_ink(data), data.labels, rng)
    network = model()
    steps = -(-len(ink) // _BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * steps)
    network.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    for _ in report(range(EPOCHS)):
        for pictures, classes in _batches(ink, labels, rng):
            network.train_on_batch(pictures, classes)
    return network


def _ink(data: Digits) -> FloatTensor:
    """Float32 (n, 32, 32), 0 paper to 1 ink, through the device's own preprocessing."""
    spec = specification()
    pictures = [np.asarray(digits.photo(data, i).convert("RGB")) for i in range(len(data.tiles))]
    bright = np.concatenate(
        [preprocessing.normalize(preprocessing.resize(p, spec), spec) for p in pictures]
    )
    ink: FloatTensor = np.float32(1.0) - bright[..., 0]
    return ink


def _with_drawn_shapes(
    ink: FloatTensor, labels: Classes, rng: np.random.Generator
) -> tuple[FloatTensor, Classes]:
    """The real digits and, one for a dozen of them, shapes that they lack."""
    drawn, classes = strokes.drawn(_DRAWN_OF_EACH_SHAPE, SIDE, rng)
    return np.concatenate([ink, drawn]), np.concatenate([labels, classes])


def _batches(
    ink: FloatTensor, labels: Classes, rng: np.random.Generator
) -> Iterator[tuple[FloatTensor, Any]]:
    """One epoch in a new order, every picture augmented anew."""
    order = rng.permutation(len(ink))
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        pictures = np.stack([augment(ink[i], rng) for i in chosen])
        yield pictures[..., np.newaxis], labels[chosen]


def export(network: Any, folder: Path) -> None:
    """Write the SavedModel with its one signature, serving_default."""
    network.export(str(folder), verbose=False)
