"""What a SavedModel does to a picture before its first layer: arithmetic with constants, resizing.

Follows the input through the functions that are called, up to the first node that is a layer.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from convert.inspecting.inspection_functions import CALLS, Function, Library, Node

# A picture is followed through so many nodes at most: layers begin long before.
_LONGEST: Final = 64
_UNCHANGED: Final = frozenset(
    ("Identity", "Cast", "StopGradient", "EnsureShape", "PreventGradient")
)
_RESHAPING: Final = frozenset(("Reshape", "ExpandDims", "Squeeze"))
_ARITHMETIC: Final = frozenset(("Mul", "AddV2", "Add", "Sub", "RealDiv", "Div", "BiasAdd"))
_RESIZING: Final = frozenset(
    ("ResizeBilinear", "ResizeArea", "ResizeBicubic", "ResizeNearestNeighbor", "ScaleAndTranslate")
)
_REVERSING: Final = frozenset(("ReverseV2", "Reverse"))
_FAKE_QUANTIZATION: Final = "FakeQuantWithMinMaxVars"
_LOOKS_ONLY: Final = frozenset(("Shape", "ShapeN", "Size", "Rank"))
_FOLDED: Final[dict[str, Callable[[float], float]]] = {
    "Sqrt": lambda x: math.sqrt(max(x, 0.0)),
    "Rsqrt": lambda x: 1 / math.sqrt(x) if x > 0 else math.inf,
    "Square": lambda x: x * x,
    "Neg": lambda x: -x,
}
# Keras divides by max(sqrt(variance), epsilon), others by sqrt(variance + epsilon).
_WITH_A_FLOOR: Final[dict[str, Callable[[float, float], float]]] = {
    "Maximum": max,
    "AddV2": operator.add,
    "Add": operator.add,
}


@dataclass(frozen=True)
class Affine:
    """x -> x * scale + offset, one of each for all channels or one a channel."""

    scale: tuple[float, ...] = (1.0,)
    offset: tuple[float, ...] = (0.0,)

    def then(self, operation: str, numbers: tuple[float, ...], *, swapped: bool) -> Affine:
        """The same with one more step; `swapped` where the constant stands on the left."""
        count = max(len(self.scale), len(numbers))
        if any(len(v) not in (1, count) for v in (self.scale, self.offset, numbers)):
            raise ValueError("numbers for other channels")
        scale, offset, numbers = (v * (count // len(v)) for v in (self.scale, self.offset, numbers))
        pairs = list(zip(scale, offset, numbers, strict=True))
        if operation == "Mul":
            return Affine(tuple(s * n for s, _, n in pairs), tuple(o * n for _, o, n in pairs))
        if operation in ("RealDiv", "Div"):
            if swapped or 0.0 in numbers:
                raise ValueError("no affine step")
            return Affine(tuple(s / n for s, _, n in pairs), tuple(o / n for _, o, n in pairs))
        if operation == "Sub":
            sign = -1.0 if swapped else 1.0
            return Affine(
                tuple(sign * s for s in scale), tuple(sign * (o - n) for _, o, n in pairs)
            )
        return Affine(scale, tuple(o + n for _, o, n in pairs))

    @property
    def is_identity(self) -> bool:
        return set(self.scale) == {1.0} and set(self.offset) == {0.0}


@dataclass
class Trace:
    """What was met on the way: arithmetic as one step, other steps in words, and where it ended.

    `fake_range` is the range that a quantization-aware model was trained with at its input.
    """

    affine: Affine = field(default_factory=Affine)
    resizes: bool = False
    reverses: bool = False
    fake_range: tuple[float, float] | None = None
    first_layer: str | None = None


@dataclass(frozen=True)
class _Scope:
    """A function in the midst of being called: `call` is the node that calls it, in `outer`."""

    function: Function
    call: Node | None = None
    outer: _Scope | None = None


def follow(library: Library, placeholder: str) -> Trace:
    """Follow the picture from an input of the main graph. Raises ValueError for damage."""
    trace = Trace()
    scope, name = _Scope(library.main), placeholder
    for _ in range(_LONGEST):
        consumers = [n for n in scope.function.consumers(name) if n.op not in _LOOKS_ONLY]
        if len(consumers) != 1:
            return trace
        (node,) = consumers
        if node.op in CALLS:
            inner = next((library.functions.get(f) for f in node.called()), None)
            position = node.inputs.index(name)
            if inner is None or position >= len(inner.arguments):
                return trace
            scope, name = _Scope(inner, node, scope), inner.arguments[position]
            continue
        if not _step(trace, scope, node, name):
            trace.first_layer = node.op
            return trace
        name = node.name
    return trace


def _step(trace: Trace, scope: _Scope, node: Node, name: str) -> bool:
    """Take a node into the trace; False where it is a layer."""
    if node.op in _RESIZING:
        trace.resizes = True
    elif node.op in _REVERSING or (node.op == "StridedSlice" and _reverses(scope, node)):
        trace.reverses = not trace.reverses
    elif node.op == _FAKE_QUANTIZATION and len(node.inputs) == 3:
        low, high = (_constant(scope, other) for other in node.inputs[1:])
        if low and high:
            trace.fake_range = (low[0], high[0])
    elif node.op in _ARITHMETIC:
        return _arithmetic(trace, scope, node, name)
    else:
        return node.op in _UNCHANGED
    return True


def _arithmetic(trace: Trace, scope: _Scope, node: Node, name: str) -> bool:
    """Take a sum or product with a constant into the trace; False where it is none."""
    if len(node.inputs) != 2 or node.inputs.count(name) != 1:
        return False
    swapped = node.inputs[1] == name
    numbers = _constant(scope, node.inputs[0 if swapped else 1])
    if not numbers or not all(map(math.isfinite, numbers)):
        return False
    try:
        trace.affine = trace.affine.then(node.op, numbers, swapped=swapped)
    except ValueError:
        return False
    return True


def _reverses(scope: _Scope, node: Node) -> bool:
    """Whether a slice is x[..., ::-1]."""
    strides = _constant(scope, node.inputs[3]) if len(node.inputs) == 4 else ()
    return bool(strides) and strides[-1] == -1.0


def _constant(scope: _Scope, name: str, depth: int = 0) -> tuple[float, ...]:
    """The numbers behind a name, through what only changes their form; empty where none are."""
    node = scope.function.nodes.get(name)
    if node is None:
        return _argument(scope, name, depth)
    if node.op == "Const":
        return node.small_constant()
    if depth > _LONGEST or not node.inputs:
        return ()
    numbers = _constant(scope, node.inputs[0], depth + 1)
    if node.op in _FOLDED:
        return tuple(map(_FOLDED[node.op], numbers))
    if node.op in _WITH_A_FLOOR and len(node.inputs) == 2:
        other = _constant(scope, node.inputs[1], depth + 1)
        join = _WITH_A_FLOOR[node.op]
        return tuple(join(x, other[0]) for x in numbers) if len(other) == 1 else ()
    return numbers if node.op in _UNCHANGED | _RESHAPING else ()


def _argument(scope: _Scope, name: str, depth: int) -> tuple[float, ...]:
    """The numbers that a function's argument was called with."""
    if scope.call is None or scope.outer is None or name not in scope.function.arguments:
        return ()
    position = scope.function.arguments.index(name)
    if position >= len(scope.call.inputs):
        return ()
    return _constant(scope.outer, scope.call.inputs[position], depth + 1)
