"""A model of pixels, or of a fixed batch -> a float function of one image, without variables.

What is done here changes the graph and not the answers; source.load proves it on pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

import tensorflow as tf

# No public function does this; TensorFlow's own converter calls it as well.
from tensorflow.python.framework import convert_to_constants

from convert.sources import operator_forms

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


def one_image(
    call: Callable[[Any], Any], *, dtype: str, batch: int, size: tuple[int, int, int], output: str
) -> Any:
    """A concrete function: float32 (1, *size) -> {output: float32 (1, classes)}.

    `call` takes `dtype` (batch, *size), uint8 or float32, and returns float32 (batch, classes).
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
    if dtype != "float32":
        _keep_pixels_in_float(graph)
    if batch != 1:
        _free_reshapes(graph, batch)
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
