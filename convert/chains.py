"""Convolutions that hand channels on to each other, whose channels can therefore be scaled and
rearranged without anybody else noticing.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import (
    WEIGHT_LIMIT,
    GraphPair,
    Kind,
    Layer,
    operator_code,
    quantization,
)
from convert.interpreter import Array
from convert.operator_stream import constant

_ACTIVATIONS: Final = (
    schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
)


@dataclass(frozen=True)
class Chain:
    """A convolution, depthwise ones with an output for each input, and a convolution.

    Nothing else takes what one of them hands on to the next. Channel c is the same one from the
    producer's output to the consumer's input.
    """

    producer: Layer
    between: tuple[Layer, ...]
    consumer: Layer

    @property
    def makers(self) -> tuple[Layer, ...]:
        """Those whose outputs are handed on."""
        return (self.producer, *self.between)

    @property
    def layers(self) -> tuple[Layer, ...]:
        return (*self.makers, self.consumer)


@dataclass
class LayerValues:
    """What can be changed in a layer of both graphs: float64, `weights` shaped like
    Layer.float_weights, `bias` and `scale`, the step of the int8 weights, (out,)."""

    kind: Kind
    weights: Array
    bias: Array
    scale: Array

    @property
    def rows(self) -> Array:
        """A view of the weights with the outputs first."""
        return np.moveaxis(self.weights, -1, 0) if self.kind is Kind.DEPTHWISE else self.weights


def find(pair: GraphPair) -> tuple[Chain, ...]:
    """All chains of the two graphs, in the order of execution. Others' outputs are no chain:
    grouped or dense layers, layers without a bias of their own, unknown activations."""
    once = _used_once(pair.int8)
    float_once = _used_once(pair.float)
    usable = {
        layer.data: layer
        for layer in pair.layers
        if layer.kind is not Kind.DENSE and _changeable(pair, layer, once, float_once)
    }
    found = []
    for producer in usable.values():
        if producer.kind is not Kind.CONVOLUTION:
            continue
        makers = [producer]
        while _handed_on(makers[-1], once, float_once):
            following = usable.get(_padded(pair, makers[-1], once))
            channels = len(makers[-1].weight_scale)
            if following is None or following.float_weights.shape[-1] != channels:
                break
            if following.kind is Kind.CONVOLUTION:
                found.append(Chain(producer, tuple(makers[1:]), following))
                break
            makers.append(following)
    return tuple(found)


def values(pair: GraphPair, layer: Layer) -> LayerValues:
    """The layer as it stands in the float graph, and its steps in the int8 graph."""
    _, bias = _float_tensors(pair, layer)
    data = pair.float.buffers[pair.float.subgraphs[0].tensors[bias].buffer].data
    return LayerValues(
        kind=layer.kind,
        weights=layer.float_weights.astype(np.float64),
        bias=np.ascontiguousarray(data).view(np.uint8).view(np.float32).astype(np.float64),
        scale=np.array(layer.weight_scale, np.float64),
    )


def rewritten(pair: GraphPair, changes: Mapping[int, LayerValues]) -> GraphPair:
    """A new pair with these values in both graphs, in the int8 graph rounded to the nearest.

    `changes` go by the layer's index.
    The pair and its layers stay as they are.
    """
    original, quantized = (
        tflite_schema.unpack(tflite_schema.pack(model)) for model in (pair.float, pair.int8)
    )
    for layer in (layer for layer in pair.layers if layer.index in changes):
        new = changes[layer.index]
        weights, bias = _float_tensors(pair, layer)
        tflite_schema.store(original, weights, new.weights.astype(np.float32))
        tflite_schema.store(original, bias, new.bias.astype(np.float32))
        axes = [1] * new.rows.ndim
        axes[-1 if layer.kind is Kind.DEPTHWISE else 0] = -1
        steps = np.rint(new.weights / new.scale.reshape(axes))
        limited = np.clip(steps, -WEIGHT_LIMIT, WEIGHT_LIMIT)
        tflite_schema.store(quantized, layer.weights, limited.astype(np.int8))
        bias_scale = layer.input.scale * new.scale
        limits = np.iinfo(np.int32)
        assert layer.bias is not None
        moved = np.clip(np.rint(new.bias / bias_scale), limits.min, limits.max)
        tflite_schema.store(quantized, layer.bias, moved.astype(np.int32))
        if per_channel(pair, layer):
            _set_scale(quantized, layer.weights, new.scale)
            _set_scale(quantized, layer.bias, bias_scale)
    return GraphPair(tflite_schema.pack(original), tflite_schema.pack(quantized))


def per_channel(pair: GraphPair, layer: Layer) -> bool:
    """Whether each output of the layer has a step of its own."""
    tensor = pair.int8.subgraphs[0].tensors[layer.weights]
    return len(tensor.quantization.scale) == len(layer.weight_scale)


def _used_once(model: Any) -> frozenset[int]:
    """Tensors that one operator takes, and nothing else."""
    graph = model.subgraphs[0]
    uses = Counter(int(t) for operator in graph.operators for t in operator.inputs)
    uses.update(int(tensor) for tensor in graph.outputs)
    return frozenset(tensor for tensor, count in uses.items() if count == 1)


def _float_tensors(pair: GraphPair, layer: Layer) -> tuple[int, int]:
    inputs = pair.float.subgraphs[0].operators[layer.float_index].inputs
    return int(inputs[1]), int(inputs[2])


def _changeable(
    pair: GraphPair, layer: Layer, once: Iterable[int], float_once: Iterable[int]
) -> bool:
    twin = pair.float.subgraphs[0].operators[layer.float_index]
    if layer.bias is None or len(twin.inputs) < 3 or int(twin.inputs[2]) < 0:
        return False
    weights, bias = _float_tensors(pair, layer)
    inputs = int(pair.int8.subgraphs[0].tensors[layer.data].shape[-1])
    activations = {
        layer.options.fusedActivationFunction,
        twin.builtinOptions.fusedActivationFunction,
    }
    return (
        # Neither groups nor several outputs for an input.
        layer.float_weights.shape[-1] == inputs
        and constant(pair.float, bias)
        and {layer.weights, layer.bias} <= set(once)
        and {weights, bias} <= set(float_once)
        and len(activations) == 1
        and activations <= set(_ACTIVATIONS)
    )


def _handed_on(layer: Layer, once: Iterable[int], float_once: Iterable[int]) -> bool:
    return layer.output in once and layer.float_output in float_once


def _padded(pair: GraphPair, layer: Layer, once: Iterable[int]) -> int:
    """The layer's output, or what a padding with zeros makes of it."""
    for operator in pair.int8.subgraphs[0].operators:
        if int(operator.inputs[0]) == layer.output:
            made = int(operator.outputs[0])
            if (
                operator_code(pair.int8, operator) == schema.BuiltinOperator.PAD
                and quantization(pair.int8, made) == layer.result
                and made in once
            ):
                return made
    return layer.output


def _set_scale(model: Any, tensor: int, scale: Array) -> None:
    found = model.subgraphs[0].tensors[tensor]
    found.quantization = copy.copy(found.quantization)
    found.quantization.scale = scale.astype(np.float32)
