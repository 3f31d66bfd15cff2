"""Normalization as part of the graph: a model that takes raw RGB pixels, 0..255.

Standard TFLite Metadata can't say every preprocessing: MediaPipe refuses a mean or deviation that
differs between channels, BGR, and gray. One convolution of 1x1 in front says them all.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from convert.errors import BuildError
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from edge_server.inference.preprocessing import ColorOrder, Preprocessing

# ITU-R BT.601 luma, as edge_server.inference.preprocessing makes pictures gray.
_LUMA: Final = (0.299, 0.587, 0.114)
# The oldest that the runtimes have: 3 is the first with a scale for each channel.
_CONV_VERSION_FLOAT, _CONV_VERSION_INT8 = 1, 3


def specification(spec: Preprocessing) -> Preprocessing:
    """What is left to do before a model of `take()`: the same picture, not normalized."""
    return replace(spec, color_order=ColorOrder.RGB, mean=(0.0,), std=(1.0,))


def take(model: bytes, spec: Preprocessing) -> bytes:
    """The same model with `spec`'s colour order and normalization inside the graph.

    It takes what specification(spec) says, (1, h, w, 3), in the dtype that it took before; an
    integer input has the scale 1 and its lowest number for pixel 0. Raises BuildError where the
    input is neither float32, uint8 nor int8.
    """
    graph = _Graph(model)
    normalized = graph.input
    kind = graph.tensor(normalized).type
    if kind not in _PIXELS:
        raise BuildError(_NO_IMAGE)
    quantize = graph.remove_quantize()
    if quantize is not None:
        normalized, pixels = int(quantize.outputs[0]), graph.signed_pixels()
        quantize.outputs = _indices(pixels)
        graph.replace_input()
    elif kind == schema.TensorType.UINT8:  # no kernel convolves it
        raise BuildError(_NO_IMAGE)
    else:
        pixels = graph.new_input()
    first = [quantize] if quantize is not None else []
    graph.put_first([*first, graph.normalization(spec, pixels, normalized)])
    return tflite_schema.pack(graph.root)


_NO_IMAGE: Final = (
    "The model's input is no image of float32, uint8 or int8, so the normalization can't be put "
    "into the graph: convert with another --io."
)
# Scale and zero point of raw pixels in each type that an input can have.
_PIXELS: Final = {
    schema.TensorType.FLOAT32: (None, None),
    schema.TensorType.UINT8: (1.0, 0),
    schema.TensorType.INT8: (1.0, -128),
}


def _affine(spec: Preprocessing) -> tuple[Any, Any]:
    """Matrix (channels, 3) and offset (channels,): normalized = matrix @ (R, G, B) + offset."""
    mix = {
        ColorOrder.RGB: np.eye(3),
        ColorOrder.BGR: np.eye(3)[::-1],
        ColorOrder.GRAYSCALE: np.array([_LUMA]),
    }[spec.color_order]
    std = np.broadcast_to(np.asarray(spec.std), spec.channels)
    return mix / std[:, np.newaxis], -np.asarray(spec.mean) / std


def _indices(*tensors: int) -> Any:
    return np.array(tensors, np.int32)


class _Graph:
    """A model that is being edited: its first subgraph."""

    def __init__(self, model: bytes) -> None:
        self.root = tflite_schema.unpack(model)
        self._graph = self.root.subgraphs[0]
        if len(self._graph.inputs) != 1:
            raise BuildError(_NO_IMAGE)
        self.input = int(self._graph.inputs[0])

    def tensor(self, index: int) -> Any:
        return self._graph.tensors[index]

    def _add(self, tensor: Any) -> int:
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _pixels(self, suffix: bytes, kind: int) -> Any:
        """A tensor of raw pixels of the input's shape, in colour."""
        shape = [*self.tensor(self.input).shape[:3], 3]
        return _tensor(self.tensor(self.input).name + suffix, kind, shape, *_PIXELS[kind])

    def signed_pixels(self) -> int:
        """A new tensor for the pixels as int8."""
        return self._add(self._pixels(b"/signed", schema.TensorType.INT8))

    def replace_input(self) -> None:
        """Make the input's own tensor one of raw pixels."""
        self._graph.tensors[self.input] = self._pixels(b"", self.tensor(self.input).type)

    def new_input(self) -> int:
        """A tensor of raw pixels that is the input instead of what was."""
        pixels = self._add(self._pixels(b"", self.tensor(self.input).type))
        self.tensor(self.input).name += b"/normalized"
        self._graph.inputs = _indices(pixels)
        for signature in self.root.signatureDefs or []:
            for entry in signature.inputs or []:
                if entry.tensorIndex == self.input:
                    entry.tensorIndex = pixels
        return pixels

    def _add_constant(self, name: bytes, kind: int, values: Any, scale: Any) -> int:
        self.root.buffers.append(schema.BufferT(values))
        zeros = None if scale is None else np.zeros(len(scale))
        tensor = _tensor(name, kind, values.shape, scale, zeros)
        tensor.buffer = len(self.root.buffers) - 1
        return self._add(tensor)

    def normalization(self, spec: Preprocessing, source: int, target: int) -> Any:
        """The convolution of 1x1 from raw pixels to what the model was made for."""
        matrix, offset = _affine(spec)
        kinds = schema.TensorType
        if self.tensor(source).type == kinds.FLOAT32:
            version, scale = _CONV_VERSION_FLOAT, None
            weights, bias = matrix.astype(np.float32), offset.astype(np.float32)
            weights_type = bias_type = kinds.FLOAT32
        else:
            version, weights_type, bias_type = _CONV_VERSION_INT8, kinds.INT8, kinds.INT32
            weights = np.rint(matrix * 127 / matrix.max(axis=1, keepdims=True)).astype(np.int8)
            # What rounding did to the sum of a row is put right: white stays white.
            scale = matrix.sum(axis=1) / weights.sum(axis=1, dtype=np.int64)
            bias = np.rint(offset / scale).astype(np.int32)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(schema.BuiltinOperator.CONV_2D, version)
        operator.inputs = _indices(
            source,
            self._add_constant(
                b"normalization/weights", weights_type, weights[:, None, None, :], scale
            ),
            self._add_constant(b"normalization/bias", bias_type, bias, scale),
        )
        operator.outputs = _indices(target)
        operator.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        operator.builtinOptions = schema.Conv2DOptionsT()
        operator.builtinOptions.padding = schema.Padding.VALID
        operator.builtinOptions.strideW = operator.builtinOptions.strideH = 1
        return operator

    def _code(self, builtin: int, version: int) -> int:
        for index, code in enumerate(self.root.operatorCodes):
            if _number(code) == builtin and code.version >= version:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = version
        self.root.operatorCodes.append(code)
        return len(self.root.operatorCodes) - 1

    def remove_quantize(self) -> Any:
        """The operator that makes int8 of the input, if nothing else takes it; else None."""
        users = [operator for operator in self._graph.operators if self.input in operator.inputs]
        numbers = [_number(self.root.operatorCodes[user.opcodeIndex]) for user in users]
        if numbers != [schema.BuiltinOperator.QUANTIZE]:
            return None
        if self.tensor(int(users[0].outputs[0])).type != schema.TensorType.INT8:
            return None
        self._graph.operators.remove(users[0])
        return users[0]

    def put_first(self, operators: list[Any]) -> None:
        self._graph.operators[:0] = operators


def _tensor(name: bytes, kind: int, shape: Any, scale: Any, zero_point: Any) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.hasRank = name, kind, True
    tensor.shape = np.asarray(shape, np.int32)
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.atleast_1d(np.asarray(scale, np.float32))
        tensor.quantization.zeroPoint = np.atleast_1d(np.asarray(zero_point, np.int64))
    return tensor


def _number(code: Any) -> int:
    # Older writers fill only the older field.
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))
