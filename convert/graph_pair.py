"""The float and the int8 graph of one model, matched layer by layer.

The int8 weights of a layer must be the float ones rounded: where that does not hold, the layer is
left alone.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np

from convert.file import tflite_schema
from convert.file.tflite_schema import schema, store, values
from convert.interpreter import Array
from convert.operator_stream import constant

# int8 weights use -127..127, so that a product of two never overflows in a kernel.
WEIGHT_LIMIT: Final = 127
_CONVERSIONS: Final = (schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE)
INT8: Final = (-128, 127)
# The largest distance of an int8 value from its zero point.
_LARGEST_INPUT: Final = 255
_INT32_MAX: Final = 2**31 - 1


class Kind(str, Enum):
    """The operators whose weights and biases can be bettered."""

    CONVOLUTION = "CONV_2D"
    DEPTHWISE = "DEPTHWISE_CONV_2D"
    DENSE = "FULLY_CONNECTED"


@dataclass(frozen=True)
class Quantization:
    """real = (quantized - zero_point) * scale."""

    scale: float
    zero_point: int

    def real(self, values: Array) -> Array:
        """int8 -> float32."""
        shifted = values.astype(np.float32) - np.float32(self.zero_point)
        return np.asarray(shifted * np.float32(self.scale))

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and highest value that int8 can say."""
        low, high = ((limit - self.zero_point) * self.scale for limit in INT8)
        return low, high


@dataclass(frozen=True)
class Layer:
    """A layer with int8 weights. `index` and `float_index` count operators in the two graphs.

    `float_weights` and the int8 weights: (out, height, width, in) for a convolution,
    (1, height, width, out) for a depthwise one, (out, in) for a dense one. `weight_scale` (out,).
    """

    name: str
    kind: Kind
    index: int
    float_index: int
    options: Any
    data: int
    weights: int
    bias: int | None
    output: int
    float_output: int
    float_weights: Array
    weight_scale: Array
    input: Quantization
    result: Quantization


class GraphPair:
    """Both graphs as trees of objects, and the layers that match.

    Weights that were bettered already are no longer the float ones rounded: `stock` is False then.
    With `weights_only` activations may be of any dtype; `input` and `result` are then those of the
    float graph, which change nothing.
    Raises ValueError where the two can't be compared at all.
    """

    def __init__(
        self,
        float_model: bytes,
        int8_model: bytes,
        *,
        stock: bool = True,
        weights_only: bool = False,
    ) -> None:
        self.float, self.int8 = map(tflite_schema.unpack, (float_model, int8_model))
        for model in (self.float, self.int8):
            if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1:
                raise ValueError("the graph has control flow or several inputs")
        found = _layers(self.float, self.int8, stock=stock, weights_only=weights_only)
        self.layers = tuple(found)

    def fork(self) -> GraphPair:
        """Another pair of the same graphs, whose weights and biases can be changed alone."""
        other = copy.copy(self)
        graph = copy.copy(self.int8.subgraphs[0])
        graph.tensors = [copy.copy(tensor) for tensor in graph.tensors]
        other.int8 = copy.copy(self.int8)
        other.int8.subgraphs, other.int8.buffers = [graph], list(self.int8.buffers)
        return other

    def weights(self, layer: Layer) -> Array:
        """The int8 weights as they stand in the graph, in the shape of `float_weights`."""
        return values(self.int8, layer.weights, np.int8).reshape(layer.float_weights.shape)

    def set_weights(self, layer: Layer, weights: Array) -> None:
        store(self.int8, layer.weights, weights.astype(np.int8))

    def bias(self, layer: Layer) -> tuple[Array, Array]:
        """int32 (out,) and its scale, float64 (out,). Only where layer.bias is not None."""
        assert layer.bias is not None
        found = values(self.int8, layer.bias, np.int32)
        return found, layer.input.scale * layer.weight_scale

    def set_bias(self, layer: Layer, bias: Array) -> None:
        """Whole numbers (out,), held where the kernel's sum of products and bias fits in int32."""
        rows = np.abs(self.weights(layer).astype(np.int64))
        inputs = (0, 1, 2) if layer.kind is Kind.DEPTHWISE else tuple(range(1, rows.ndim))
        limit = np.maximum(_INT32_MAX - rows.sum(axis=inputs) * _LARGEST_INPUT, 0)
        assert layer.bias is not None
        store(self.int8, layer.bias, np.clip(bias, -limit, limit).astype(np.int32))

    def pack(self) -> bytes:
        """The int8 graph as a .tflite."""
        return tflite_schema.pack(self.int8)


def twins(float_model: Any, int8_model: Any) -> dict[int, int]:
    """The float operator that each operator of the int8 graph stands for, where there is one.

    Both are ModelTs; operators count from 0 in the order of execution. The two graphs are the same
    but for conversions, or else operators with outputs of one name and kind are matched, where
    there is only one of that name. The outputs of twins have the same shapes.
    """
    quantized = {
        index: operator
        for index, operator in enumerate(int8_model.subgraphs[0].operators)
        if operator_code(int8_model, operator) not in _CONVERSIONS
    }
    originals = dict(enumerate(float_model.subgraphs[0].operators))
    codes, float_codes = (
        [operator_code(model, operator) for operator in operators.values()]
        for model, operators in ((int8_model, quantized), (float_model, originals))
    )
    if codes == float_codes:
        pairs = list(zip(quantized, originals, strict=True))
    else:
        names = _by_name(float_model, originals)
        pairs = [
            (index, names[key])
            for key, index in _by_name(int8_model, quantized).items()
            if key in names
        ]
    return {
        index: number
        for index, number in pairs
        if len(quantized[index].inputs) == len(originals[number].inputs)
        and _output_shapes(int8_model, quantized[index])
        == _output_shapes(float_model, originals[number])
    }


def _by_name(model: Any, operators: dict[int, Any]) -> dict[tuple[int, str], int]:
    """Operators by their kind and their output's name, but for names that several have."""
    keys = {
        number: (operator_code(model, operator), tensor_name(model, int(operator.outputs[0])))
        for number, operator in operators.items()
    }
    counts = Counter(keys.values())
    return {key: number for number, key in keys.items() if counts[key] == 1}


def _output_shapes(model: Any, operator: Any) -> list[list[int]]:
    shapes = (model.subgraphs[0].tensors[int(output)].shape for output in operator.outputs)
    return [[] if shape is None else [int(n) for n in shape] for shape in shapes]


def operator_code(model: Any, operator: Any) -> int:
    """The number of the operator's kind: codes above 127 stand in the newer field."""
    code = model.operatorCodes[operator.opcodeIndex]
    return max(int(code.builtinCode), int(code.deprecatedBuiltinCode))


def tensor_name(model: Any, tensor: int) -> str:
    name = model.subgraphs[0].tensors[tensor].name or b""
    return str(name.decode("utf-8", "replace"))


def quantization(model: Any, tensor: int) -> Quantization | None:
    """How an int8 tensor is quantized, None where it is not, or not as a whole."""
    found = model.subgraphs[0].tensors[tensor]
    if found.type != schema.TensorType.INT8 or not _has_scale(found, 1):
        return None
    return Quantization(float(found.quantization.scale[0]), int(found.quantization.zeroPoint[0]))


def _has_scale(tensor: Any, *lengths: int) -> bool:
    parameters = tensor.quantization
    scale = None if parameters is None else parameters.scale
    return scale is not None and len(scale) in lengths


def _layers(float_model: Any, int8_model: Any, *, stock: bool, weights_only: bool) -> list[Layer]:
    kinds = {getattr(schema.BuiltinOperator, kind.value): kind for kind in Kind}
    operators = int8_model.subgraphs[0].operators
    uses = Counter(int(tensor) for operator in operators for tensor in operator.inputs)
    found = []
    for index, number in twins(float_model, int8_model).items():
        operator, twin = operators[index], float_model.subgraphs[0].operators[number]
        kind = kinds.get(operator_code(int8_model, operator))
        # Weights that two layers share can't be fitted to one of them.
        if kind is None or uses[int(operator.inputs[1])] > 1:
            continue
        layer = _layer(
            float_model,
            int8_model,
            (index, operator),
            (number, twin),
            kind,
            stock=stock,
            weights_only=weights_only,
        )
        if layer is not None:
            found.append(layer)
    return found


def _layer(
    float_model: Any,
    int8_model: Any,
    quantized: tuple[int, Any],
    original: tuple[int, Any],
    kind: Kind,
    *,
    stock: bool,
    weights_only: bool,
) -> Layer | None:
    (index, operator), (float_index, twin) = quantized, original
    data, weights = int(operator.inputs[0]), int(operator.inputs[1])
    tensor = int8_model.subgraphs[0].tensors[weights]
    float_tensor = float_model.subgraphs[0].tensors[int(twin.inputs[1])]
    shape = tuple(int(size) for size in tensor.shape)
    outputs = shape[3] if kind is Kind.DEPTHWISE else shape[0]
    before, after = (
        Quantization(1.0, 0) if weights_only else quantization(int8_model, found)
        for found in (data, int(operator.outputs[0]))
    )
    fitting = (
        tensor.type == schema.TensorType.INT8
        and float_tensor.type == schema.TensorType.FLOAT32
        and tuple(float_tensor.shape) == shape
        and constant(int8_model, weights)
        and constant(float_model, int(twin.inputs[1]))
        and _has_scale(tensor, 1, outputs)
        and not np.any(tensor.quantization.zeroPoint)
    )
    if not fitting or before is None or after is None:
        return None
    scale = np.broadcast_to(np.asarray(tensor.quantization.scale, np.float64), (outputs,))
    float_weights = values(float_model, int(twin.inputs[1]), np.float32).reshape(shape)
    axis = -1 if kind is Kind.DEPTHWISE else 0
    per_output = scale.reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))])
    rounded = values(int8_model, weights, np.int8).reshape(shape) * per_output
    if stock and (np.abs(rounded - float_weights) > 0.51 * per_output + 1e-6).any():
        return None  # another layer of the same name
    bias = int(operator.inputs[2]) if len(operator.inputs) > 2 else -1
    has_bias = bias >= 0 and constant(int8_model, bias)
    if has_bias and not weights_only:
        has_bias = int8_model.subgraphs[0].tensors[bias].type == schema.TensorType.INT32
    return Layer(
        name=tensor_name(int8_model, int(operator.outputs[0])),
        kind=kind,
        index=index,
        float_index=float_index,
        options=operator.builtinOptions,
        data=data,
        weights=weights,
        bias=bias if has_bias else None,
        output=int(operator.outputs[0]),
        float_output=int(twin.outputs[0]),
        float_weights=float_weights,
        weight_scale=scale,
        input=before,
        result=after,
    )
