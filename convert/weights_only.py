"""Better weights for `dynamic` and `int16x8`, whose activations are close to the float graph's.

One run of the float graph says what the layers' inputs are: weights are rounded by their second
moments, and biases take the mean error of the output that is left (the sources are those of
weight_rounding and bias_correction). What the result is worth is judged afterwards, on photos
held back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from convert import effort, model_inputs, patches, weight_rounding
from convert.better_int8 import Improved, Step
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import first_line
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import GraphPair, Layer
from convert.interpreter import Array, in_parts
from convert.operator_stream import OperatorStream

_STEP: Final = "weight rounding and bias correction"
_SEED: Final = 20220715
_BIAS_DTYPES: Final = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
}


def improve(
    float_model: bytes, stock: bytes, calibration: Calibration, console: Console
) -> Improved:
    """The quantized model with other weights and biases; its operators and scales stay.

    Both models are the converter's, of the same source; the quantized one has int8 weights and
    float32 or int16 activations. A graph that can't be worked on stays as it is, and the step says
    why.
    """
    try:
        model, why = _improved(float_model, stock, calibration, console)
    except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        why = f"the graph can't be worked on ({first_line(error)})"
        return Improved(stock, (Step(_STEP, False, why),), float_model)
    return Improved(model, (Step(_STEP, True, why),), float_model)


def _improved(
    float_model: bytes, stock: bytes, calibration: Calibration, console: Console
) -> tuple[bytes, str]:
    pair = GraphPair(float_model, stock, weights_only=True)
    if not pair.layers:
        raise ValueError("no convolution or dense layer in it has int8 weights")
    pictures, fewer = effort.affordable(pair, calibration.pictures)
    layers = {x.float_index: x for x in pair.layers if not effort.too_large(x)}
    inputs = model_inputs.tensors(pair.float, pictures, calibration.spec)
    stream = OperatorStream(pair.float, inputs)
    indices = range(max(layers, default=-1) + 1)
    # Its matrices are small, and the work is divided here: BLAS threads would only spin.
    with threadpool_limits(1, user_api="blas"):
        for index in console.bar(indices, len(indices), "rounding weights", "operator"):
            if index in layers:
                data = int(pair.float.subgraphs[0].operators[index].inputs[0])
                _round(pair, layers[index], stream.values[data])
            stream.keep(index, stream.run(index))
    done = f"{len(layers)} of {len(pair.layers)} layers, fitted to {len(pictures)} photos"
    return pair.pack(), f"{done}; {fewer}" if fewer else done


def _round(pair: GraphPair, layer: Layer, inputs: Sequence[Array]) -> None:
    samples = [
        patches.sample(layer, picture, np.random.default_rng((_SEED, photo, layer.index)))
        for photo, picture in enumerate(inputs)
    ]
    exact = patches.matrix(layer, layer.float_weights)
    found: list[Array] = in_parts(samples, lambda part: [patches.second_moments(layer, list(part))])
    moments = np.sum(found, axis=0)
    rounded = weight_rounding.round_weights(exact, moments, layer.weight_scale)
    pair.set_weights(layer, patches.from_matrix(layer, rounded))
    if layer.bias is not None:
        error = exact - rounded * layer.weight_scale[:, np.newaxis]
        _shift(pair, layer.bias, patches.weighted_mean(layer, samples, error))


def _shift(pair: GraphPair, bias: int, shift: Array) -> None:
    """Add float (out,) to a bias in whatever form it has."""
    tensor: Any = pair.int8.subgraphs[0].tensors[bias]
    dtype = _BIAS_DTYPES[tensor.type]
    before = tflite_schema.values(pair.int8, bias, dtype)
    if dtype is np.float32:
        tflite_schema.store(pair.int8, bias, (before + shift).astype(dtype))
        return
    steps = np.rint(shift / np.asarray(tensor.quantization.scale, np.float64))
    after = before + np.where(np.isfinite(steps), steps, 0)
    if dtype is np.int32:
        after = np.clip(after, np.iinfo(np.int32).min, np.iinfo(np.int32).max)
    tflite_schema.store(pair.int8, bias, after.astype(dtype))
