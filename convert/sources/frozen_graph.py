"""A model of pixels, or of a fixed batch -> a float function of one image, without variables.

What is done here changes the graph and not the answers; source.load proves it on pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import tensorflow as tf

# No public function does this; TensorFlow's own converter calls it as well.
from tensorflow.python.framework import convert_to_constants

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

    `call` takes `dtype` (batch, *size), uint8 or float32, and returns float32 (batch, classes).
    For uint8 the new function takes the same whole numbers 0..255 in float32, and the cast from
    uint8 is gone: a converter that quantizes would keep it as an island of floating point. Where
    operators calculate with the pixels as integers the cast stays.
    Raises ValueError where the graph is bound to its batch.
    """

    def picture(image: Any) -> Any:
        return call(tf.cast(image, dtype, name=_PIXELS) if dtype != "float32" else image)

    spec = tf.TensorSpec((batch, *size), tf.float32, name=_IMAGE)
    function = tf.function(picture, input_signature=[spec]).get_concrete_function()
    frozen = convert_to_constants.convert_variables_to_constants_v2(
        function, lower_control_flow=False, aggressive_inlining=True
    )
    graph = frozen.graph.as_graph_def()
    if dtype != "float32":
        _keep_pixels_in_float(graph)
    if batch != 1:
        _free_reshapes(graph, batch)
    (image,) = [node for node in graph.node if node.op == "Placeholder"]
    graph.node.remove(image)
    (scores,) = frozen.outputs

    def single_image(image: Any) -> dict[str, Any]:
        (result,) = tf.graph_util.import_graph_def(
            graph, input_map={f"{_IMAGE}:0": image}, return_elements=[scores.name], name=""
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
