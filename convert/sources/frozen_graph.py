"""A model of pixels, of half precision or of a batch -> a float32 function of one image.

The function has no variables. What is done here changes the graph and not the answers, which
source_check proves on pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

# No public functions do this; TensorFlow's own converter calls them as well.
from tensorflow.python.eager import context
from tensorflow.python.framework import convert_to_constants

from convert.sources import operator_forms
from edge_server.inference import output_kind

_IMAGE: Final = "image"
_PIXELS: Final = "pixels"
_INTEGERS: Final = frozenset((tf.uint8, tf.int16, tf.uint16, tf.int32, tf.uint32, tf.int64))
# Operators that move values and leave them as they are: the attribute with their type, and which
# inputs they move.
_MOVES: Final[dict[str, tuple[str, slice]]] = {
    "ConcatV2": ("T", slice(0, -1)),
    "ExpandDims": ("T", slice(0, 1)),
    "GatherV2": ("Tparams", slice(0, 1)),
    "Identity": ("T", slice(0, 1)),
    "Pack": ("T", slice(None)),
    "Reshape": ("T", slice(0, 1)),
    "ResizeNearestNeighbor": ("T", slice(0, 1)),
    "ReverseV2": ("T", slice(0, 1)),
    "Slice": ("T", slice(0, 1)),
    "Snapshot": ("T", slice(0, 1)),
    "Split": ("T", slice(1, 2)),
    "Squeeze": ("T", slice(0, 1)),
    "StopGradient": ("T", slice(0, 1)),
    "StridedSlice": ("T", slice(0, 1)),
    "Transpose": ("T", slice(0, 1)),
    "Unpack": ("T", slice(0, 1)),
}
# Operators whose output type does not follow from that of the pixels.
_TAKES_ANY: Final = frozenset(
    ("Rank", "ResizeArea", "ResizeBicubic", "ResizeBilinear", "Shape", "Size")
)
# Types of fewer bits, which TFLite's operators do not compute in.
_HALF: Final = frozenset((tf.float16.as_datatype_enum, tf.bfloat16.as_datatype_enum))
_FLOAT: Final = tf.float32.as_datatype_enum
_LISTS: Final = "TensorList"
_CHANGED: Final = "_of_one_image"


def is_needed(function: Any) -> bool:
    """Whether a concrete function of one float32 image has to be frozen and changed.

    True where it computes in half precision, or where a loop in it was saved for a free batch,
    which TFLite's lists do not take.
    """
    graph = function.graph.as_graph_def()
    return computes_in_half(graph) or any(
        _free_elements(nodes) for nodes in _bodies(graph, fused=False)
    )


def computes_in_half(graph: Any) -> bool:
    """Whether there are float16 or bfloat16 numbers in a GraphDef."""
    return any(kind in _HALF for nodes in _bodies(graph) for node in nodes for kind in _types(node))


# Operators by what they put out; see output_kind.
_KINDS: Final = {
    **dict.fromkeys(("Add", "AddV2", "BiasAdd", "Conv2D", "MatMul"), output_kind.LINEAR),
    **dict.fromkeys(("Mul", "RealDiv"), output_kind.SCALE),
    "Sigmoid": output_kind.SIGMOID,
    "Softmax": output_kind.SOFTMAX,
}
_SAME: Final = frozenset(("Cast", "Identity", "Reshape", "Snapshot", "Squeeze", "StopGradient"))


def ending(function: Any) -> tuple[str, ...]:
    """The kinds of the last two operators of a concrete function with one output, as output_kind
    calls them; "" for any other. The last one comes first."""
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        function, lower_control_flow=False, aggressive_inlining=True
    )
    found: list[str] = []
    operation = frozen.outputs[0].op
    while len(found) < 2:
        makers = [tensor.op for tensor in operation.inputs if tensor.op.type != "Const"]
        kind = _KINDS.get(operation.type, "")
        if kind == output_kind.SCALE and len(makers) > 1:
            kind = ""  # by numbers of the picture
        if operation.type not in _SAME and not _adds_nothing(operation):
            found.append(kind)
        if not makers:
            break
        operation = makers[0]
    return tuple(found)


def _adds_nothing(operation: Any) -> bool:
    """Keras' Rescaling adds its offset, also where that is 0."""
    constants = [tensor.op for tensor in operation.inputs if tensor.op.type == "Const"]
    return operation.type in ("Add", "AddV2") and any(
        not tf.make_ndarray(constant.get_attr("value")).any() for constant in constants
    )


def one_image(
    call: Callable[[Any], Any], *, dtype: str, batch: int, size: tuple[int, int, int], output: str
) -> Any:
    """A concrete function: float32 (1, *size) -> {output: float32 (1, classes)}.

    `call` takes `dtype` (batch, *size), and returns float32 (batch, classes).
    For uint8 the new function takes the same whole numbers 0..255 in float32, and the cast from
    uint8 is gone: a converter that quantizes would keep it as an island of floating point. Where
    operators calculate with the pixels as integers the cast stays.
    Raises ValueError where the graph is bound to its batch.
    """

    def picture(image: Any) -> Any:
        return call(tf.cast(image, dtype, name=_PIXELS) if dtype != "float32" else image)

    spec = tf.TensorSpec((batch, *size), tf.float32, name=_IMAGE)
    frozen = _frozen(tf.function(picture, input_signature=[spec]).get_concrete_function())
    graph = frozen.graph.as_graph_def()
    _compute_in_float(graph)
    if dtype == "uint8":
        _keep_pixels_in_float(graph)
    for nodes in _bodies(graph):
        for constant, shape in _free_elements(nodes):
            constant.CopyFrom(tf.make_tensor_proto(shape))
    if batch != 1:
        _free_reshapes(graph, batch)
    _rename_functions(graph)
    for function in graph.library.function:
        context.context().add_function_def(function)
    (scores,) = frozen.outputs
    return _function(graph, size, scores.name, output)


def with_integer_forms(function: Any, operators: Collection[str], output: str) -> Any:
    """A function as one_image() makes it, with these operators computed by others that have a form
    in integers: see operator_forms."""
    frozen = _frozen(function)
    graph = operator_forms.written_otherwise(frozen.graph.as_graph_def(), operators)
    (image,), (scores,) = frozen.inputs, frozen.outputs
    return _function(graph, tuple(image.shape[1:]), scores.name, output)


def _frozen(function: Any) -> Any:
    """A concrete function without variables and calls."""
    return convert_to_constants.convert_variables_to_constants_v2(
        function, lower_control_flow=False, aggressive_inlining=True
    )


def _function(graph: Any, size: tuple[int, ...], scores: str, output: str) -> Any:
    """A concrete function of one image from a GraphDef, whose input that image becomes."""
    (placeholder,) = [node for node in graph.node if node.op == "Placeholder"]
    graph.node.remove(placeholder)
    called = (node for function in graph.library.function for node in function.node_def)
    for node in (*graph.node, *called):
        # With a custom gradient, as silu has one, the graph can't be saved again.
        if "_gradient_op_type" in node.attr:
            del node.attr["_gradient_op_type"]

    def single_image(image: Any) -> dict[str, Any]:
        (result,) = tf.graph_util.import_graph_def(
            graph,
            input_map={f"{placeholder.name}:0": image},
            return_elements=[scores],
            name="",
        )
        if not result.shape.is_compatible_with((1, None)):
            raise ValueError(f"for one picture it puts out scores of shape {result.shape}")
        return {output: result}

    spec = tf.TensorSpec((1, *size), tf.float32, name=_IMAGE)
    return tf.function(single_image, input_signature=[spec]).get_concrete_function()


def save(function: Any, trackable: Any, folder: Path) -> None:
    """Write a SavedModel whose one signature is a concrete function; `trackable` owns its
    variables. Raises what TensorFlow raises."""
    # The converter shows where in the original's code an operator comes from.
    options = tf.saved_model.SaveOptions(save_debug_info=True)
    tf.saved_model.save(trackable, str(folder), {"serving_default": function}, options)


def nodes(function: Any, operators: Collection[str]) -> list[str]:
    """The names of the nodes of a concrete function, and of those that it calls, that are one of
    the operators."""
    graph = function.graph.as_graph_def()
    inner = (node for called in graph.library.function for node in called.node_def)
    return [node.name for node in (*graph.node, *inner) if node.op in operators]


def _bodies(graph: Any, *, fused: bool = True) -> Iterator[Any]:
    """The nodes of a graph and of each of its functions.

    Without those of functions that TFLite has as one operator, unless `fused`.
    """
    yield graph.node
    for function in graph.library.function:
        if fused or not function.attr["api_implements"].s.startswith(b"lstm_"):
            yield function.node_def


def _types(node: Any) -> Iterator[int]:
    for attribute in node.attr.values():
        yield attribute.type
        yield from attribute.list.type


def _rename_functions(graph: Any) -> None:
    """Give the changed functions new names: TensorFlow knows the saved ones by the old names."""
    names = {function.signature.name for function in graph.library.function}
    for function in graph.library.function:
        function.signature.name += _CHANGED
    for nodes in _bodies(graph):
        for node in nodes:
            if node.op in names:
                node.op += _CHANGED
            for attribute in node.attr.values():
                for called in (attribute.func, *attribute.list.func):
                    if called.name in names:
                        called.name += _CHANGED


def _free_elements(nodes: Any) -> list[tuple[Any, Any]]:
    """The constants that leave the batch of a list's elements free, each with its batch of 1."""
    constants = {node.name: node.attr["value"].tensor for node in nodes if node.op == "Const"}
    taken = {
        name.split(":")[0] for node in nodes if node.op.startswith(_LISTS) for name in node.input
    }
    found = []
    for name in taken & constants.keys():
        shape = tf.make_ndarray(constants[name])
        if shape.ndim == 1 and shape.size and shape[0] == -1 and (shape[1:] >= 0).all():
            found.append((constants[name], np.concatenate([[1], shape[1:]]).astype(shape.dtype)))
    return found


def _compute_in_float(graph: Any) -> None:
    """Compute in float32 what the graph computes in half precision."""
    for function in graph.library.function:
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            if argument.type in _HALF:
                argument.type = _FLOAT
    for nodes in _bodies(graph):
        for node in nodes:
            if node.op == "Bitcast" and any(kind in _HALF for kind in _types(node)):
                raise ValueError("it takes half-precision numbers apart bit by bit")
            for attribute in node.attr.values():
                _widen(attribute)
            if node.op == "Cast" and node.attr["SrcT"].type == node.attr["DstT"].type == _FLOAT:
                node.op = "Identity"
                node.attr.clear()
                node.attr["T"].type = _FLOAT


def _widen(attribute: Any) -> None:
    if attribute.type in _HALF:
        attribute.type = _FLOAT
    for number, kind in enumerate(attribute.list.type):
        if kind in _HALF:
            attribute.list.type[number] = _FLOAT
    if attribute.tensor.dtype in _HALF:
        values = tf.make_ndarray(attribute.tensor).astype(np.float32)
        attribute.tensor.CopyFrom(tf.make_tensor_proto(values))


def _keep_pixels_in_float(graph: Any) -> None:
    """Let whole numbers stay float32 from the input to where the graph casts them to float.

    float32 holds every integer up to 2**24, so operators that only move pixels do the same to
    them. Nothing is changed where another operator would have to take them.
    """
    floats: set[str] = set()
    changes: list[tuple[Any, str]] = []
    for node in graph.node:  # in topological order
        inputs = [name.split(":")[0] for name in node.input if not name.startswith("^")]
        touched = [name in floats for name in inputs]
        if node.name == _PIXELS:
            changes.append((node, "Identity"))
            floats.add(node.name)
        elif not any(touched):
            continue
        elif node.op == "Cast":
            target = tf.dtypes.as_dtype(node.attr["DstT"].type)
            changes.append((node, "Identity" if target in {*_INTEGERS, tf.float32} else "SrcT"))
            if target in _INTEGERS:
                floats.add(node.name)
        elif node.op in _MOVES and all(touched[_MOVES[node.op][1]]):
            changes.append((node, _MOVES[node.op][0]))
            floats.add(node.name)
        elif node.op in _TAKES_ANY:
            changes.append((node, "T"))
        else:
            return
    for node, change in changes:
        if change == "Identity":
            node.op = change
            node.attr.clear()
        node.attr["T" if change == "Identity" else change].type = tf.float32.as_datatype_enum


def _free_reshapes(graph: Any, batch: int) -> None:
    """Reshapes to the fixed batch become reshapes to one picture."""
    constants = {node.name: node for node in graph.node if node.op == "Const"}
    shapes = {node.input[1] for node in graph.node if node.op == "Reshape"}
    for name in shapes & constants.keys():
        tensor = constants[name].attr["value"].tensor
        shape = tf.make_ndarray(tensor)
        if shape.size and shape[0] == batch:
            shape = shape.copy()
            shape[0] = 1
            tensor.CopyFrom(tf.make_tensor_proto(shape))
