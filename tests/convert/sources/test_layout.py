"""Other orders of a picture's axes: recognized by their shape, and converted exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import UsageError
from convert.sources import layout, source, source_check
from convert.sources.layout import Layout, Order
from convert.sources.source import Source

LAST, FIRST, GRAY, FLAT = Order.CHANNELS_LAST, Order.CHANNELS_FIRST, Order.GRAY, Order.FLAT
SIDE = 12
Size = tuple[int, int] | None
Load = Callable[..., Source]


@pytest.mark.parametrize(
    ("shape", "wanted", "found"),
    [
        ((32, 40, 3), None, (LAST, 32, 40, 3)),
        ((None, None, 1), None, (LAST, None, None, 1)),
        ((3, 32, 40), None, (FIRST, 32, 40, 3)),
        ((1, None, None), None, (FIRST, None, None, 1)),
        ((3, 8, 3), None, (LAST, 3, 8, 3)),
        ((28, 20), None, (GRAY, 28, 20, 1)),
        ((None, None), (16, 16), (GRAY, None, None, 1)),
        ((784,), None, (FLAT, 28, 28, 1)),
        ((3072,), None, (FLAT, 32, 32, 3)),
        ((600,), (20, 30), (FLAT, 20, 30, 1)),
        ((600,), (20, 10), (FLAT, 20, 10, 3)),
        ((784,), (32, 32), None),
        ((1024,), None, None),  # a picture, or the features of one
        ((7,), None, None),
        ((None,), (28, 28), None),
        ((100, 3), None, None),
        ((32, 32, 4), None, None),
        ((), None, None),
    ],
)
def test_an_order_is_told_by_the_shape(
    shape: tuple[int | None, ...], wanted: Size, found: tuple[Any, ...] | None
) -> None:
    assert layout.of(shape, wanted) == (None if found is None else Layout(*found))


@pytest.mark.parametrize(("length", "side"), [(1024, 32), (192, 8), (1000, None), (0, None)])
def test_a_row_is_a_square_picture_or_none(length: int, side: int | None) -> None:
    assert layout.flat_side(length) == side


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A SavedModel that names the brightest quarter of a picture, in any layout."""

    def make(shape: list[int | None], dtype: str = "float32", size: Size = None) -> Source:
        import tensorflow as tf

        def brightest(image: Any) -> Any:
            x = tf.cast(image, tf.float32)
            channels = 3 if 3 in shape or shape[-1] == 3 * SIDE * SIDE else 1
            if 3 in shape[1:2]:
                x = tf.transpose(x, [0, 2, 3, 1])
            x = tf.reshape(x, [-1, 2, SIDE // 2, 2, SIDE // 2, channels])
            weights = tf.constant([0.5, 0.3, 0.2][:channels])
            quarters = tf.reduce_mean(x * weights, [2, 4, 5])
            return {"scores": tf.nn.softmax(8 * tf.reshape(quarters, [-1, 4]))}

        module = tf.Module()
        spec = tf.TensorSpec(shape, dtype, name="image")
        module.f = tf.function(brightest, input_signature=[spec])
        tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
        return source.load(tmp_path / "m", None, size)

    return make


def pictures(channels: int) -> np.ndarray:
    """Four pictures, the brighter quarter in turn; every pixel and channel of its own."""
    shape = (4, 2, SIDE // 2, 2, SIDE // 2, channels)
    noise = np.random.default_rng(0).integers(0, 60, shape).astype(np.float32)
    for number in range(4):
        noise[number, number // 2, :, number % 2] += 40
    return noise.reshape(4, SIDE, SIDE, channels)


@pytest.mark.parametrize(
    ("shape", "dtype", "size", "channels"),
    [
        ([None, 3, SIDE, SIDE], "float32", None, 3),
        ([None, 3, SIDE, SIDE], "uint8", None, 3),
        ([None, SIDE, SIDE], "float32", None, 1),
        ([None, None, None], "float32", (SIDE, SIDE), 1),
        ([None, SIDE * SIDE], "float32", (SIDE, SIDE), 1),
        ([None, 3 * SIDE * SIDE], "float32", (SIDE, SIDE), 3),
    ],
)
def test_a_picture_of_another_layout_gets_the_answer_of_the_original(
    load: Load, shape: list[int | None], dtype: str, size: Size, channels: int
) -> None:
    model = load(shape, dtype, size)
    assert (model.height, model.width, model.channels) == (SIDE, SIDE, channels)
    shown = pictures(channels)
    source_check.check(model, shown)
    assert list(model.predict(shown).argmax(axis=1)) == [0, 1, 2, 3]
    single = model.single_image_function()
    alone = [single(p[None])[model.output_name].numpy()[0] for p in shown]
    np.testing.assert_allclose(alone, model.predict(shown), atol=1e-6)
    (image,) = single.structured_input_signature[0]
    assert image.shape.as_list() == [1, SIDE, SIDE, channels]


def test_a_row_that_could_be_a_picture_says_how_to_say_so(load: Load) -> None:
    with pytest.raises(UsageError, match=r"144 numbers are a picture.*--input-size 12x12"):
        load([None, SIDE * SIDE])


def test_a_row_of_another_length_says_so(load: Load) -> None:
    with pytest.raises(UsageError, match="144 numbers are no picture of 10x10"):
        load([None, SIDE * SIDE], size=(10, 10))
