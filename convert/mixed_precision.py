"""Some operators of an int8 graph in float again, with the conversions that this takes."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any, Final

import numpy as np

from convert import graph_pruning
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import operator_code, twins
from convert.interpreter import Array
from convert.operator_stream import constant
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import Preprocessing

# From this version on, it takes int8.
_DEQUANTIZE_VERSION: Final = 2
_FIRST_VERSION: Final = 1
_CONVERSIONS: Final = (schema.BuiltinOperator.QUANTIZE, schema.BuiltinOperator.DEQUANTIZE)
_CONVOLUTIONS: Final = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
)
_SCORES: Final = (schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.LOGISTIC)
# In steps of the input: below it, it is the rounding of pixels, and no convention.
_NO_OFFSET: Final = 0.05


def keep_in_float(
    float_model: Any, int8_model: Any, kept: Collection[int], spec: Preprocessing
) -> bytes:
    """The int8 graph with the operators `kept` (of twins()) as the float graph has them.

    Neighbours that are both kept pass floats on. The input stays as it is; the output is float32
    where a kept operator makes it, since 8 bits would tie small scores. `spec` says what the
    values of the input mean. The ModelTs stay untouched.
    """
    return _Mixture(float_model, int8_model, kept, spec).build()


def with_exact_scores(float_model: bytes, int8_model: bytes, spec: Preprocessing) -> bytes:
    """The int8 graph of a float32 output, its final softmax or sigmoid in float32 if it has one.

    In 8 bits a probability is a multiple of 1/256, which is 0 for each of 2000 unsure classes.
    """
    original, quantized = map(tflite_schema.unpack, (float_model, int8_model))
    last = max(twins(original, quantized), default=-1)
    ending = operator_code(quantized, quantized.subgraphs[0].operators[last])
    if last < 0 or ending not in _SCORES:
        return int8_model
    return keep_in_float(original, quantized, [last], spec)


class _Mixture:
    """A graph in the making: operators are taken over one by one, in the order of execution."""

    def __init__(
        self, float_model: Any, int8_model: Any, kept: Collection[int], spec: Preprocessing
    ) -> None:
        self._spec = spec
        self._float, self._int8, self._kept = float_model, int8_model, frozenset(kept)
        self._twins = twins(float_model, int8_model)
        self._tensors = [copy.copy(tensor) for tensor in int8_model.subgraphs[0].tensors]
        self._buffers = list(int8_model.buffers)
        self._codes = list(int8_model.operatorCodes)
        self._operators: list[Any] = []
        # For tensors of the int8 graph: their float form, and whether they have their own.
        self._in_float: dict[int, int] = {}
        self._made = {int(tensor) for tensor in int8_model.subgraphs[0].inputs}
        # The graph's input dequantized as it is, for operators that make up for its offset.
        self._plain_inputs: dict[int, int] = {}
        # Conversions of the int8 graph itself, by what they put out: made only where needed.
        self._bridges: dict[int, Any] = {}

    def build(self) -> bytes:
        graph = self._int8.subgraphs[0]
        for index, operator in enumerate(graph.operators):
            if index in self._kept:
                self._add_float(operator, self._twins[index])
            elif operator_code(self._int8, operator) in _CONVERSIONS:
                self._bridges[int(operator.outputs[0])] = operator
            else:
                self._add_int8(operator)
        self._outputs = [self._output(int(tensor)) for tensor in graph.outputs]
        model = copy.copy(self._int8)
        model.subgraphs = [copy.copy(graph)]
        model.subgraphs[0].tensors = self._tensors
        model.buffers, model.operatorCodes = self._buffers, self._codes
        graph_pruning.prune(model, self._operators, self._outputs)
        return tflite_schema.pack(model)

    def _output(self, tensor: int) -> int:
        """What to put out for an output of the int8 graph."""
        source = tensor
        while source in self._bridges and source not in self._made:
            source = int(self._bridges[source].inputs[0])
        if source in self._in_float and source not in self._made:
            return self._in_float[source]
        self._need(tensor)
        return tensor

    def _add_float(self, operator: Any, number: int) -> None:
        twin = copy.copy(self._float.subgraphs[0].operators[number])
        inputs = []
        for own, theirs in zip(operator.inputs, twin.inputs, strict=True):
            if theirs < 0:
                inputs.append(-1)
            elif constant(self._float, int(theirs)):
                inputs.append(self._take_float(int(theirs)))
            elif not inputs and self._takes_offset(operator, twin):
                inputs.append(self._plain(int(own)))
            else:
                inputs.append(self._as_float(int(own)))
        if self._takes_offset(operator, twin):
            inputs[2] = self._moved_bias(operator, inputs)
        outputs = []
        for own, theirs in zip(operator.outputs, twin.outputs, strict=True):
            self._in_float[int(own)] = self._take_float(int(theirs))
            outputs.append(self._in_float[int(own)])
        twin.inputs, twin.outputs = inputs, outputs
        twin.opcodeIndex = self._code(self._float.operatorCodes[twin.opcodeIndex])
        self._operators.append(twin)

    def _add_int8(self, operator: Any) -> None:
        for tensor in operator.inputs:
            if tensor >= 0 and not constant(self._int8, int(tensor)):
                self._need(int(tensor))
        self._operators.append(operator)
        self._made.update(int(tensor) for tensor in operator.outputs)

    def _need(self, tensor: int) -> None:
        """Make a tensor of the int8 graph, unless it is there."""
        if tensor in self._made:
            return
        self._made.add(tensor)
        bridge = self._bridges.get(tensor)
        source = tensor if bridge is None else int(bridge.inputs[0])
        kind = schema.BuiltinOperator.QUANTIZE
        quantizes = bridge is None or operator_code(self._int8, bridge) == kind
        if quantizes and source in self._in_float:
            self._add(kind, _FIRST_VERSION, [self._in_float[source]], tensor)
        else:
            self._need(source)
            self._operators.append(bridge)

    def _as_float(self, tensor: int) -> int:
        """The float form of a tensor of the int8 graph, made where it is not there."""
        if tensor in self._in_float:
            return self._in_float[tensor]
        if tensor in self._bridges:
            # Straight from what it is converted from, which for the input says more than int8.
            source = int(self._bridges[tensor].inputs[0])
            self._in_float[tensor] = self._as_float(source)
        elif self._tensors[tensor].type == schema.TensorType.FLOAT32:
            self._need(tensor)
            self._in_float[tensor] = tensor
        else:
            self._need(tensor)
            self._in_float[tensor] = self._dequantize(tensor)
        return self._in_float[tensor]

    def _takes_offset(self, operator: Any, twin: Any) -> bool:
        """Whether the operator's bias can make up for the offset of the graph's input: at no cost,
        and exactly but at a padded border, by half a step of the input."""
        source = self._graph_input(int(operator.inputs[0]))
        return (
            source is not None
            and self._offset_of(source) is not None
            and operator_code(self._int8, operator) in _CONVOLUTIONS
            and len(twin.inputs) > 2
            and constant(self._float, int(twin.inputs[1]))
            and constant(self._float, int(twin.inputs[2]))
        )

    def _graph_input(self, tensor: int) -> int | None:
        """The quantized input of the graph that the tensor is a form of."""
        while tensor in self._bridges:
            tensor = int(self._bridges[tensor].inputs[0])
        known = tensor in self._int8.subgraphs[0].inputs
        return tensor if known and self._tensors[tensor].quantization is not None else None

    def _offset_of(self, tensor: int) -> Array | None:
        """The offset of a graph's input, (channels,), None where it is none."""
        quantized = self._tensors[tensor]
        if quantized.type == schema.TensorType.FLOAT32 or quantized.quantization.scale is None:
            return None
        offset = _offset(quantized, self._spec)
        none = np.abs(offset) < _NO_OFFSET * float(quantized.quantization.scale[0])
        return None if none.all() else offset

    def _plain(self, tensor: int) -> int:
        """The float form of the graph's input with its offset."""
        source = self._graph_input(tensor)
        assert source is not None
        if source not in self._plain_inputs:
            real = self._float_like(source)
            self._add(schema.BuiltinOperator.DEQUANTIZE, _DEQUANTIZE_VERSION, [source], real)
            self._plain_inputs[source] = real
        return self._plain_inputs[source]

    def _moved_bias(self, operator: Any, inputs: list[int]) -> int:
        source = self._graph_input(int(operator.inputs[0]))
        assert source is not None
        offset = self._offset_of(source)
        assert offset is not None
        weights, bias = (self._tensors[inputs[i]] for i in (1, 2))
        kernel = _floats(self._buffers[weights.buffer]).reshape([int(n) for n in weights.shape])
        if operator_code(self._int8, operator) == schema.BuiltinOperator.CONV_2D:
            groups = len(offset) // kernel.shape[3]
            parts = np.split(kernel, groups)
            excess = np.concatenate(
                [
                    (part * own).sum(axis=(1, 2, 3))
                    for part, own in zip(parts, np.split(offset, groups), strict=True)
                ]
            )
        else:
            taps = kernel.sum(axis=(0, 1, 2))
            excess = taps * np.repeat(offset, len(taps) // len(offset))
        moved = copy.copy(bias)
        values = (_floats(self._buffers[bias.buffer]) - excess).astype(np.float32)
        self._buffers.append(schema.BufferT(values.view(np.uint8)))
        moved.buffer = len(self._buffers) - 1
        self._tensors.append(moved)
        return len(self._tensors) - 1

    def _dequantize(self, tensor: int) -> int:
        real = self._float_like(tensor)
        self._add(schema.BuiltinOperator.DEQUANTIZE, _DEQUANTIZE_VERSION, [tensor], real)
        if tensor not in self._int8.subgraphs[0].inputs:
            return real
        offset = self._offset_of(tensor)
        if offset is None:
            return real
        addend = self._float_like(tensor)
        self._tensors[addend].shape = np.array([len(offset)], np.int32)
        self._tensors[addend].shapeSignature = None
        self._buffers.append(schema.BufferT((-offset).astype(np.float32).view(np.uint8)))
        self._tensors[addend].buffer = len(self._buffers) - 1
        exact = self._float_like(tensor)
        self._add(schema.BuiltinOperator.ADD, _FIRST_VERSION, [real, addend], exact)
        self._operators[-1].builtinOptionsType = schema.BuiltinOptions.AddOptions
        self._operators[-1].builtinOptions = schema.AddOptionsT()
        return exact

    def _float_like(self, tensor: int) -> int:
        """A new float tensor of the same shape."""
        real = copy.copy(self._tensors[tensor])
        real.type, real.quantization, real.buffer = schema.TensorType.FLOAT32, None, 0
        real.name = (real.name or b"") + b";float%d" % len(self._tensors)
        self._tensors.append(real)
        return len(self._tensors) - 1

    def _take_float(self, tensor: int) -> int:
        """A tensor of the float graph, with its values where they are constant."""
        taken = copy.copy(self._float.subgraphs[0].tensors[tensor])
        if constant(self._float, tensor):
            self._buffers.append(self._float.buffers[taken.buffer])
            taken.buffer = len(self._buffers) - 1
        else:
            taken.buffer = 0
        self._tensors.append(taken)
        return len(self._tensors) - 1

    def _add(self, kind: int, version: int, sources: list[int], target: int) -> None:
        operator = schema.OperatorT()
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = kind
        code.version = version
        operator.opcodeIndex = self._code(code)
        operator.inputs, operator.outputs = sources, [target]
        self._operators.append(operator)

    def _code(self, wanted: Any) -> int:
        for index, code in enumerate(self._codes):
            if vars(code) == vars(wanted):
                return index
        self._codes.append(wanted)
        return len(self._codes) - 1


def _floats(buffer: Any) -> Array:
    return np.ascontiguousarray(buffer.data).view(np.uint8).view(np.float32)


def _offset(tensor: Any, spec: Preprocessing) -> Array:
    """What a dequantized pixel is higher by than the normalized one, on average, (channels,).

    An input of -1..1 has its zero at pixel 127.5, which no zero point can say.
    """
    pixel = np.arange(256)[:, np.newaxis]
    scale, zero_point = float(tensor.quantization.scale[0]), int(tensor.quantization.zeroPoint[0])
    dtype = np.uint8 if tensor.type == schema.TensorType.UINT8 else np.int8
    seen = preprocessing.quantization_table(spec, scale, zero_point, dtype).astype(np.float64)
    meant = (pixel - np.asarray(spec.mean)) / np.asarray(spec.std)
    return np.asarray(((seen - zero_point) * scale - meant).mean(axis=0))
