"""What came out of a conversion, against what its recipe says. The converter falls back silently,
so every tensor of the graph is looked at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert import integer_forms
from convert.device import compatibility
from convert.errors import BuildError
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.integer_forms import Operation
from convert.recipes import Recipe

# Layers whose weights a recipe is about, and where their weights stand among the inputs.
_WEIGHTS: Final = {
    schema.BuiltinOperator.CONV_2D: 1,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: 1,
    schema.BuiltinOperator.FULLY_CONNECTED: 1,
}
_DTYPES: Final = {value: name.lower() for name, value in vars(schema.TensorType).items()}
_OPERATORS: Final = {value: name for name, value in vars(schema.BuiltinOperator).items()}
# The converter leaves smaller constants in float: quantizing them on the fly would cost more.
_DYNAMIC_LEAST: Final = 1024
_AUTO: Final = "Use --recipe auto, which tries the recipes and takes the fastest that passes."
# Indices, shapes and masks, which every graph may have.
_PLAIN: Final = frozenset({"int32", "int64", "uint32", "bool", "string", "resource"})


@dataclass(frozen=True)
class _Tensor:
    name: str
    dtype: str
    elements: int
    constant: bool
    boundary: bool


@dataclass(frozen=True)
class _Layer:
    """A layer with constant weights; `weights` is the tensor as it is stored."""

    operation: Operation
    weights: _Tensor


class NoSuchForm(BuildError):
    """A model can't be what a recipe says; `reason` is the sentence without the advice."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason} {advice}")
        self.reason = reason


def check(model: bytes, recipe: Recipe, allow_select_tf: Collection[str] = ()) -> None:
    """Raises BuildError where a .tflite is not what the recipe says, naming what is amiss.

    `allow_select_tf` are the operators of TensorFlow that may be in it, with or without "Flex".
    """
    check_select_tf(tflite_schema.describe(model).select_tf_operators, allow_select_tf)
    tensors, layers = _read(model)
    if recipe.integer_only:
        _check_integer_only(model, tensors, recipe)
    _check_boundary(model, recipe)
    if recipe.weights != "float32":
        _check_weights(layers, recipe)


def check_before(float_model: bytes, recipe: Recipe) -> None:
    """Raises NoSuchForm where a model's float32 .tflite shows that it can't be what the recipe
    says."""
    if not recipe.integer_only or not (lacking := integer_forms.without(float_model, recipe)):
        return
    weights = [layer.weights.elements for layer in _read(float_model)[1]]
    dynamic = max(weights, default=0) >= _DYNAMIC_LEAST
    raise NoSuchForm(
        _without_form(lacking, recipe),
        "Use --recipe auto, which tries the others and takes the fastest that passes"
        + (", or --recipe dynamic, of which only the weights are int8." if dynamic else "."),
    )


def _without_form(operations: Sequence[Operation], recipe: Recipe) -> str:
    return (
        f"The model can't be {recipe.name} throughout: TensorFlow's converter has no "
        f"{recipe.name} form of {integer_forms.named(operations)}."
    )


def flex_name(name: str) -> str:
    """Erf or FlexErf -> FlexErf, as it is called in a .tflite."""
    return name if name.startswith(compatibility.FLEX) else f"{compatibility.FLEX}{name}"


def check_select_tf(needed: Collection[str], allowed: Collection[str]) -> None:
    """Raises BuildError where operators of TensorFlow are needed that are not allowed by name."""
    names = {flex_name(name) for name in allowed}
    refused = sorted({flex_name(name) for name in needed} - names)
    if refused:
        plain = [name[len(compatibility.FLEX) :] for name in refused]
        raise BuildError(
            f"The model needs TensorFlow's own operators ({', '.join(plain)}), "
            "which LiteRT and tflite-runtime do not have: replace those layers, or, for a device "
            "whose runtime was built with them, allow each by name "
            f"(--allow-select-tf {','.join(plain)})."
        )


def _check_boundary(model: bytes, recipe: Recipe) -> None:
    graph = tflite_schema.describe(model)
    for kind, tensors, wanted in (
        ("input", graph.inputs, recipe.input_dtype),
        ("output", graph.outputs, recipe.output_dtype),
    ):
        if [tensor.dtype for tensor in tensors] != [wanted]:
            found = ", ".join(tensor.dtype for tensor in tensors)
            raise BuildError(
                f"The converter made a model with {kind} {found} where {recipe.name} means "
                f"{wanted}."
            )


def _check_integer_only(model: bytes, tensors: list[_Tensor], recipe: Recipe) -> None:
    floats = [t.name for t in tensors if t.dtype.startswith("float") and not t.boundary]
    if floats and (islands := integer_forms.in_floating_point(model)):
        raise BuildError(_without_form(islands, recipe))
    if floats:
        raise BuildError(
            f"{len(floats)} tensors stayed floating-point (the first is {floats[0]}), where "
            f"{recipe.name} means integers only."
        )
    inside = [t for t in tensors if not t.constant and not t.boundary and t.dtype not in _PLAIN]
    other = [t for t in inside if t.dtype != recipe.activations]
    if other:
        raise BuildError(
            f"The activation {other[0].name} came out as {other[0].dtype} where {recipe.name} "
            f"means {recipe.activations}: a layer in the model has no such form."
        )


def _check_weights(layers: list[_Layer], recipe: Recipe) -> None:
    stored = [layer for layer in layers if layer.weights.dtype == recipe.weights]
    small_allowed = recipe.weights == "int8" and not recipe.integer_only
    other = [
        layer
        for layer in layers
        if layer.weights.dtype != recipe.weights
        and not (small_allowed and layer.weights.elements < _DYNAMIC_LEAST)
    ]
    if other:
        raise BuildError(
            f"The weights of {integer_forms.named([layer.operation for layer in other])} stayed "
            f"{other[0].weights.dtype} where {recipe.name} means {recipe.weights}."
        )
    if not stored and not recipe.integer_only:
        small = f" of {_DYNAMIC_LEAST} weights or more" if small_allowed else ""
        raise BuildError(
            f"Nothing in the model became {recipe.weights}, since it has no layer{small}: "
            f"{recipe.name} would gain nothing over --recipe float32."
        )


def _read(model: bytes) -> tuple[list[_Tensor], list[_Layer]]:
    root = schema.Model.GetRootAs(model, 0)
    tensors: list[_Tensor] = []
    layers: list[_Layer] = []
    for number in range(root.SubgraphsLength()):
        subgraph = root.Subgraphs(number)
        boundary = {subgraph.Inputs(i) for i in range(subgraph.InputsLength())}
        boundary |= {subgraph.Outputs(i) for i in range(subgraph.OutputsLength())}
        own = [
            _tensor(root, subgraph.Tensors(i), number == 0 and i in boundary)
            for i in range(subgraph.TensorsLength())
        ]
        tensors += own
        layers += _layers(root, subgraph, own)
    return tensors, layers


def _tensor(root: Any, tensor: Any, boundary: bool) -> _Tensor:
    elements = 1
    for axis in range(tensor.ShapeLength()):
        elements *= int(tensor.Shape(axis))
    buffer = root.Buffers(tensor.Buffer())
    # A model of more than 2 GB keeps its constants behind the flatbuffer.
    constant = buffer.DataLength() > 0 or buffer.Offset() > 1
    name = (tensor.Name() or b"").decode()
    return _Tensor(name, _DTYPES[tensor.Type()], elements, constant, boundary)


def _layers(root: Any, subgraph: Any, tensors: list[_Tensor]) -> Iterator[_Layer]:
    unpacked: dict[int, int] = {}  # from 16 bits, before the layer that uses it
    operators = [subgraph.Operators(i) for i in range(subgraph.OperatorsLength())]
    codes = [_code(root.OperatorCodes(operator.OpcodeIndex())) for operator in operators]
    for operator, code in zip(operators, codes, strict=True):
        if code == schema.BuiltinOperator.DEQUANTIZE:
            unpacked[operator.Outputs(0)] = operator.Inputs(0)
    for operator, code in zip(operators, codes, strict=True):
        if code in _WEIGHTS:
            index = operator.Inputs(_WEIGHTS[code])
            weights = tensors[unpacked.get(index, index)]
            if weights.constant:
                made = tensors[operator.Outputs(0)].name
                yield _Layer(Operation(_OPERATORS[code], made), weights)


def _code(code: Any) -> int:
    return int(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()))
