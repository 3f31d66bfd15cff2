"""Errors of layers: float against itself is exact, int8 is not, and cut-off values are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import layer_errors, quantize, recipes
from convert.calibration import Calibration
from convert.console import Console
from convert.file import tflite_schema
from convert.graph_pair import quantization
from convert.photos import Unreadable
from convert.sources import source
from edge_server.inference import preprocessing

SPEC = preprocessing.from_preset("tf", width=16, height=16)


@pytest.fixture(scope="module")
def pictures() -> tuple[Any, ...]:
    return tuple(np.random.default_rng(1).integers(0, 256, (16, 16, 16, 3), np.uint8))


@pytest.fixture(scope="module")
def graphs(
    tmp_path_factory: pytest.TempPathFactory,
    save_functions: Callable[..., Path],
    pictures: tuple[Any, ...],
) -> tuple[bytes, bytes]:
    """A small network of two layers in float32 and in int8."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    kernel = tf.constant(rng.normal(0, 0.4, (3, 3, 3, 8)), tf.float32)
    dense = tf.constant(rng.normal(0, 0.4, (8, 4)), tf.float32)

    def network(image: Any) -> Any:
        features = tf.nn.relu(tf.nn.conv2d(image, kernel, 2, "SAME") + 0.1)
        return {"scores": tf.nn.softmax(tf.reduce_mean(features, [1, 2]) @ dense)}

    folder = save_functions(
        tmp_path_factory.mktemp("two_layers"),
        serving_default=(network, {"image": [None, 16, 16, 3]}),
    )
    model = source.load(folder, None)
    calibrated = Calibration(folder, pictures, SPEC, Unreadable(folder, 16))
    made = (
        quantize.convert(model, recipes.get(name), calibrated, Console())
        for name in ("float32", "int8")
    )
    float_model, int8_model = made
    return float_model, int8_model


def test_the_float_model_has_no_error_against_itself(
    graphs: tuple[bytes, bytes], pictures: tuple[Any, ...]
) -> None:
    layers = layer_errors.measure(graphs[0], graphs[0], pictures, SPEC)
    assert "CONV_2D" in [layer.operator for layer in layers]
    assert all(layer.error == 0 and layer.kept_in_float for layer in layers)


def test_int8_layers_have_small_errors_in_the_order_of_execution(
    graphs: tuple[bytes, bytes], pictures: tuple[Any, ...]
) -> None:
    layers = layer_errors.measure(graphs[0], graphs[1], pictures, SPEC)
    names = [layer.operator for layer in layers]
    assert names.index("CONV_2D") < names.index("FULLY_CONNECTED") < names.index("SOFTMAX")
    assert all(0 < layer.error < 0.2 and not layer.kept_in_float for layer in layers)
    assert all(layer.saturated == 0 for layer in layers)  # the photos it was calibrated on


def test_what_a_narrow_range_cuts_off_is_counted(
    graphs: tuple[bytes, bytes], pictures: tuple[Any, ...]
) -> None:
    model = tflite_schema.unpack(graphs[1])
    for operator in model.subgraphs[0].operators:
        tensor = int(operator.outputs[0])
        how = quantization(model, tensor)
        name = model.subgraphs[0].tensors[tensor].name
        if how is not None and b"Relu" in name:
            model.subgraphs[0].tensors[tensor].quantization.scale = [how.scale / 4]
    layers = layer_errors.measure(graphs[0], tflite_schema.pack(model), pictures, SPEC)
    first = next(layer for layer in layers if layer.operator == "CONV_2D")
    assert 0.01 < first.saturated < 1
    assert first.error > 0.1
    # A softmax says at most 255/256, which is no fault of calibration.
    assert next(layer for layer in layers if layer.operator == "SOFTMAX").saturated == 0


def test_another_graph_gives_no_figures(
    graphs: tuple[bytes, bytes], pictures: tuple[Any, ...]
) -> None:
    wrong_size = preprocessing.from_preset("tf", width=8, height=8)
    assert layer_errors.measure(*graphs, [p[:8, :8] for p in pictures], wrong_size) == ()
