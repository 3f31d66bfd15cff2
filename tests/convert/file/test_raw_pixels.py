"""Normalization inside the graph: the same answers from raw pixels, for every kind of input."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import BuildError
from convert.file import portability, raw_pixels, tflite_schema
from convert.file.tflite_schema import schema
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import ColorOrder, Preprocessing

SIDE = 12
RUN = """
import json, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
runner = Interpreter(model_path=sys.argv[1])
runner.allocate_tensors()
(image,), (scores,) = runner.get_input_details(), runner.get_output_details()
rows = []
for picture in np.load(sys.argv[2]):
    runner.set_tensor(image["index"], picture[None])
    runner.invoke()
    scale, zero = scores["quantization"]
    row = runner.get_tensor(scores["index"])[0].astype(float)
    rows.append(((row - zero) * scale if scale else row).tolist())
print(json.dumps(rows))
"""


def picture_stack(channels: int = 3) -> Any:
    """uint8 (8, SIDE, SIDE, channels)."""
    random = np.random.default_rng(3)
    base = random.integers(0, 256, (8, 1, 1, channels))
    noise = random.normal(0, 25, (8, SIDE, SIDE, channels))
    return np.clip(base + noise, 0, 255).astype(np.uint8)


def spec_of(preset: str, channels: int = 3) -> Preprocessing:
    return preprocessing.from_preset(preset, width=SIDE, height=SIDE, channels=channels)


@functools.lru_cache
def convert(spec: Preprocessing, dtype: str) -> bytes:
    """A small network with a 3x3 convolution that pads, calibrated for `spec`."""
    import tensorflow as tf

    random = np.random.default_rng(5)
    filters = random.normal(0, 0.4, (3, 3, spec.channels, 8)).astype(np.float32)
    dense = random.normal(0, 1, (8, 5)).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, spec.channels], name="image")])
    def network(image: Any) -> Any:
        features = tf.nn.relu(tf.nn.conv2d(image, filters, 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reduce_mean(features, [1, 2]) @ dense)}

    module = tf.Module()
    module.network = network
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [network.get_concrete_function()], module
    )
    if dtype != "float32":
        tensors = [preprocessing.normalize(p, spec) for p in picture_stack(spec.channels)]
        for value in (0, 255):
            flat = np.full((SIDE, SIDE, spec.channels), value, np.uint8)
            tensors.append(preprocessing.normalize(flat, spec))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([tensor] for tensor in tensors)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        io = tf.as_dtype(dtype.removeprefix("int8 from "))
        converter.inference_input_type = converter.inference_output_type = io
    return bytes(converter.convert())


def tensors(model: bytes, spec: Preprocessing, pixels: Any) -> Any:
    """RGB pixels (n, h, w, 3) as the input of a model that is given by `spec`."""
    graph = tflite_schema.unpack(model).subgraphs[0]
    tensor = graph.tensors[int(graph.inputs[0])]
    resized = [preprocessing.resize(p, spec) for p in pixels]
    if tensor.type == schema.TensorType.FLOAT32:
        return np.concatenate([preprocessing.normalize(p, spec) for p in resized])
    dtype = np.uint8 if tensor.type == schema.TensorType.UINT8 else np.int8
    scale, zero = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    table = preprocessing.quantization_table(spec, scale, zero, dtype)
    return np.concatenate([preprocessing.quantize(p, table) for p in resized])


@pytest.fixture
def scores(tmp_path: Path, without_tensorflow: Callable[..., Any]) -> Callable[..., Any]:
    """What a model answers to RGB pixels on the device's runtime."""

    def run(model: bytes, spec: Preprocessing, pixels: Any) -> Any:
        file, given = tmp_path / "model.tflite", tmp_path / "given.npy"
        file.write_bytes(model)
        np.save(given, tensors(model, spec, pixels))
        return np.array(without_tensorflow(RUN, file, given))

    return run


@pytest.mark.parametrize("preset", ["torch", "caffe"])
@pytest.mark.parametrize(
    ("dtype", "allowed"),
    [("float32", 1e-5), ("uint8", 0.02), ("int8", 0.02), ("int8 from float32", 0.02)],
)
def test_raw_pixels_get_the_same_answers(
    scores: Callable[..., Any], preset: str, dtype: str, allowed: float
) -> None:
    spec = spec_of(preset)
    model = convert(spec, dtype)
    moved, rest = raw_pixels.take(model, spec), raw_pixels.specification(spec)
    assert (rest.color_order, rest.mean, rest.std) == (ColorOrder.RGB, (0.0,), (1.0,))
    assert rest == replace(spec, color_order=rest.color_order, mean=rest.mean, std=rest.std)
    before, after = (scores(m, s, picture_stack()) for m, s in ((model, spec), (moved, rest)))
    assert np.ptp(before, axis=0).max() > 0.2, "the pictures get different answers"
    assert np.abs(before - after).max() <= allowed


@pytest.mark.parametrize(("dtype", "allowed"), [("float32", 0.01), ("uint8", 0.02)])
def test_a_gray_model_takes_colour(scores: Callable[..., Any], dtype: str, allowed: float) -> None:
    spec = spec_of("tf", channels=1)
    model = convert(spec, dtype)
    moved, rest = portability.adapt(model, spec)
    assert rest.channels == 3
    before, after = (scores(m, s, picture_stack()) for m, s in ((model, spec), (moved, rest)))
    assert np.abs(before - after).max() <= allowed


def test_input_keeps_its_name_dtype_and_place_in_the_signature() -> None:
    spec = spec_of("torch")
    model = convert(spec, "uint8")
    moved = raw_pixels.take(model, spec)
    before, after = tflite_schema.describe(model), tflite_schema.describe(moved)
    assert after.inputs == before.inputs
    assert after.outputs == before.outputs
    root = tflite_schema.unpack(moved)
    (entry,) = root.signatureDefs[0].inputs
    assert entry.tensorIndex == root.subgraphs[0].inputs[0]
    assert after.float_tensors == (), "integers only"


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_what_metadata_can_say_stays_as_it_is(dtype: str) -> None:
    spec = spec_of("tf")
    model = convert(spec, dtype)
    assert portability.obstacle(model, spec) is None
    assert portability.adapt(model, spec) == (model, spec)


def test_a_float_input_that_is_rounded_inside_takes_raw_pixels() -> None:
    """(pixel - 127.5) / 127.5 lies between two integers: the last bit would decide."""
    spec = spec_of("tf")
    model = convert(spec, "int8 from float32")
    assert "rounds its float32 input" in str(portability.obstacle(model, spec))
    moved, rest = portability.adapt(model, spec)
    assert portability.obstacle(moved, rest) is None
    graph = tflite_schema.describe(moved)
    assert len(graph.float_tensors) == 2, "input and output, and integers between them"


def test_an_int8_input_stays_an_obstacle_and_the_model_as_it_is() -> None:
    spec = spec_of("torch")
    model = convert(spec, "int8")
    assert portability.obstacle(model, spec) == "its input is neither uint8 nor float32"
    assert portability.adapt(model, spec) == (model, spec)


def test_a_quantization_that_is_not_the_normalization_is_put_right() -> None:
    """Calibrated for another range, pixels as they are would be wrong without any message."""
    spec = replace(spec_of("unit"), std=(510.0,))
    model = convert(replace(spec, std=(255.0,)), "uint8")
    assert "quantization" in str(portability.obstacle(model, spec))
    moved, rest = portability.adapt(model, spec)
    assert portability.obstacle(moved, rest) is None


def test_a_graph_that_takes_bytes_itself_is_left_alone() -> None:
    root = tflite_schema.unpack(convert(spec_of("torch"), "uint8"))
    graph = root.subgraphs[0]
    graph.tensors[int(graph.inputs[0])].quantization = None
    graph.operators.pop(0)
    model = tflite_schema.pack(root)
    assert portability.obstacle(model, spec_of("raw")) is None
    assert portability.adapt(model, spec_of("torch")) == (model, spec_of("torch"))


def test_a_model_with_two_inputs_is_refused_in_words() -> None:
    root = tflite_schema.unpack(convert(spec_of("torch"), "float32"))
    root.subgraphs[0].inputs = np.array([0, 0], np.int32)
    with pytest.raises(BuildError, match="no image"):
        raw_pixels.take(tflite_schema.pack(root), spec_of("torch"))
