"""Operators of a graph that have no form in integers: found before anything is quantized, or after,
and named with their layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert.file.tflite_schema import schema
from convert.recipes import Recipe

_OPERATORS: Final = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
_FLOATS: Final = frozenset({schema.TensorType.FLOAT32, schema.TensorType.FLOAT16})
_CONVERSIONS: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
_NAMED: Final = 3
# Measured on TensorFlow 2.21: each alone between two convolutions. Those of a graph that are not
# listed here are seen after the conversion.
_NO_INT8: Final = frozenset(
    (
        *("ADD_N", "ATAN2", "CAST", "CEIL", "CONV_3D", "COS", "CUMSUM", "ELU", "FLOOR"),
        *("FLOOR_DIV", "FLOOR_MOD", "LOCAL_RESPONSE_NORMALIZATION", "NEG", "POW", "ROUND"),
        *("SEGMENT_SUM", "SIGN", "SIN", "SQUARE", "UNSORTED_SEGMENT_MAX"),
        # The calibrator dies of loops, and leaves branches as they are.
        *("IF", "WHILE"),
    )
)
_NO_INT16: Final = _NO_INT8 | {
    *("ARG_MAX", "DEPTH_TO_SPACE", "DIV", "EQUAL", "GREATER", "GREATER_EQUAL", "HARD_SWISH"),
    *("L2_NORMALIZATION", "LESS", "LOG_SOFTMAX", "MATRIX_DIAG", "MATRIX_SET_DIAG"),
    # SQUARED_DIFFERENCE is converted, and no runtime has it.
    *("SPACE_TO_DEPTH", "SQRT", "SQUARED_DIFFERENCE"),
}
# What people know these operators as.
_KNOWN_AS: Final = {"IF": "tf.cond", "WHILE": "a loop, as in map_fn, while_loop, LSTM or GRU"}


@dataclass(frozen=True)
class Operation:
    """An operator of a .tflite, and the name of the tensor that it puts out."""

    operator: str
    tensor: str

    @property
    def layer(self) -> str:
        """The layer, as far as the tensor's name says it: model/norm/Neg -> norm."""
        path = self.tensor.split(";")[0].split("/")
        parts = [part for part in path if "PartitionedCall" not in part] or path
        return "/".join(parts[1:-1] or parts[:-1] or parts)


def in_floating_point(model: bytes) -> list[Operation]:
    """The operators that take or give floating-point tensors, but for conversions of them."""
    return [operation for operation in _operations(model) if operation.operator not in _CONVERSIONS]


def without(float_model: bytes, recipe: Recipe) -> list[Operation]:
    """The operators of a float32 .tflite that are known to have no form in the recipe's integers.

    Empty for a recipe whose activations are float.
    """
    if not recipe.integer_only:
        return []
    lacking = _NO_INT16 if recipe.activations == "int16" else _NO_INT8
    return [o for o in in_floating_point(float_model) if o.operator in lacking]


def named(operations: Sequence[Operation]) -> str:
    """NEG (in norm_1, norm_2, norm_3 and 2 more, 5 times), SIN (in wave)"""
    kinds = dict.fromkeys(operation.operator for operation in operations)
    return ", ".join(_kind(kind, [o for o in operations if o.operator == kind]) for kind in kinds)


def _kind(kind: str, operations: Sequence[Operation]) -> str:
    layers = list(dict.fromkeys(operation.layer for operation in operations))
    more = f" and {len(layers) - _NAMED} more" if len(layers) > _NAMED else ""
    known = f"{kind}, {_KNOWN_AS[kind]}," if kind in _KNOWN_AS else kind
    times = "" if len(operations) == 1 else f", {len(operations)} times"
    return f"{known} (in {', '.join(layers[:_NAMED])}{more}{times})"


def _operations(model: bytes) -> Iterator[Operation]:
    root = schema.Model.GetRootAs(model, 0)
    for number in range(root.SubgraphsLength()):
        graph = root.Subgraphs(number)
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            code = root.OperatorCodes(operator.OpcodeIndex())
            tensors = [operator.Inputs(i) for i in range(operator.InputsLength())]
            tensors += [operator.Outputs(i) for i in range(operator.OutputsLength())]
            if any(t >= 0 and graph.Tensors(t).Type() in _FLOATS for t in tensors):
                output = (
                    graph.Tensors(operator.Outputs(0)).Name() if operator.OutputsLength() else b""
                )
                yield Operation(_name(code), (output or b"").decode())


def _name(code: Any) -> str:
    custom = code.CustomCode()
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    return custom.decode() if custom else str(_OPERATORS[number])
