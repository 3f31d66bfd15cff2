"""A .tflite that the target's runtime runs: converted, tried there, and converted otherwise where
it refuses. Nothing is believed that was not run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from convert import quantize
from convert.calibration import Calibration
from convert.console import Console
from convert.device import candidate, compatibility, target_environment
from convert.device.candidate import Probe, Shown
from convert.device.compatibility import Unsupported
from convert.device.device_process import ChildRefused
from convert.device.targets import LITERT, Target
from convert.errors import RecipeFailed
from convert.file import tflite_schema
from convert.file.tflite_schema import Operator
from convert.recipes import Recipe
from convert.sources.source import Source
from convert.workshop import Workshop

_DENSE: Final = "FULLY_CONNECTED"
# What the runtimes say of an operator that they do not have.
_NO_OPERATOR: Final = re.compile(r"builtin opcode '(\w+)' version '(\d+)'")
# As edge_server.inference.runtime says it.
_FAILED_NODE: Final = re.compile(r"\(operator (\d+), (\w+)\)")
PER_TENSOR_DENSE: Final = (
    "The weights of dense layers have one scale for the whole layer instead of one for each "
    "output, because {runtime} has no operator for the latter."
)


@dataclass(frozen=True)
class Converted:
    """A bare .tflite that ran on the target's runtime.

    `adaptations` are sentences on what was done differently for it; empty for most models.
    """

    model: bytes
    adaptations: tuple[str, ...]
    probe: Probe


def convert(
    source: Source,
    recipe: Recipe,
    calibration: Calibration | None,
    target: Target,
    console: Console,
    workshop: Workshop,
    shown: Shown,
    *,
    allow_select_tf: frozenset[str] = frozenset(),
) -> Converted:
    """Convert, run the result under the target's runtime, and adapt what that refuses.

    `shown` are photos that the original has finite answers to. Raises RecipeFailed where the
    converter fails, or the runtime can't run what came out, naming the operator, its version and
    the runtime that has it; BuildError where no recipe can do.
    """
    python = target_environment.python_for(target, console)

    def attempt(*, per_tensor_dense: bool = False) -> bytes:
        return quantize.convert(
            source,
            recipe,
            calibration,
            console,
            allow_select_tf=allow_select_tf,
            per_tensor_dense=per_tensor_dense,
            folder=workshop.path,
        )

    model = attempt()
    try:
        return Converted(model, (), try_on(model, target, python, console, workshop, shown))
    except _Refused as refusal:
        if not refusal.lacks(_DENSE):
            raise
    model = attempt(per_tensor_dense=True)
    probe = try_on(model, target, python, console, workshop, shown)
    sentence = PER_TENSOR_DENSE.format(runtime=f"{probe.runtime} {probe.runtime_version}")
    return Converted(model, (sentence,), probe)


class _Refused(RecipeFailed):
    """The target's runtime does not take the model; `lacking` is what it does not have."""

    def __init__(self, sentence: str, lacking: tuple[Unsupported, ...]) -> None:
        super().__init__(sentence)
        self.lacking = lacking

    def lacks(self, operator: str) -> bool:
        return any(missing.operator.name == operator for missing in self.lacking)


def try_on(
    model: bytes, target: Target, python: Path, console: Console, workshop: Workshop, shown: Shown
) -> Probe:
    """Run a bare .tflite on the target's runtime, in `python`, on photos that the original has
    finite answers to.

    Raises RecipeFailed where it is refused, crashes, or answers with what is no number.
    """
    path = workshop.put("probed.tflite", model)
    try:
        probe = candidate.probe(path, shown=shown, python=python, console=console)
    except ChildRefused as refusal:
        raise _refused(model, target, refusal.reason) from refusal
    if not probe.finite:
        raise RecipeFailed(
            f"On {probe.runtime} {probe.runtime_version} the converted model answers photos with "
            "infinite numbers or none (NaN), where the original's answers are finite."
        )
    return probe


def _refused(model: bytes, target: Target, reason: str) -> _Refused:
    """The runtime's own words name an operator; the table adds the others and who has them."""
    operators = tflite_schema.describe(model).operators
    lacking = {missing.operator: missing for missing in _named(reason, operators)}
    for missing in compatibility.unsupported(operators, target.operators_of):
        lacking.setdefault(missing.operator, missing)
    if not lacking:
        return _Refused(
            f"The runtime of {target.name} ({target.runtime}) can't run the model: "
            f"{reason}{layer(model, reason)}",
            (),
        )
    named = "; ".join(missing.sentence for missing in lacking.values())
    instead = (
        "replace those layers, or name a Python whose runtime has them in "
        f"{target_environment.PYTHON_VARIABLE}"
        if any(operator.name.startswith(compatibility.FLEX) for operator in lacking)
        else "replace those layers"
    )
    if target.runtime != LITERT:
        instead += ", or choose a --target with LiteRT, if the device can have it"
    return _Refused(
        f"The model can't run on {target.name} ({target.runtime}): {named}; {instead}.",
        tuple(lacking.values()),
    )


def layer(model: bytes, reason: str) -> str:
    """A sentence on the operator that the runtime's reason names: what it computes, by the name
    that its layer gave it, and why it may have failed. Empty where the reason names none."""
    node = _FAILED_NODE.search(reason)
    if node is None:
        return ""
    number, kind = int(node[1]), node[2]
    made = tflite_schema.made_by(model, number, kind)
    where = f" The operator computes {made!r}." if made else ""
    if kind == "DIV":
        where += (
            " The number that it divides by is 0 for some picture, or too small for an integer."
        )
    return where


def _named(reason: str, operators: Sequence[Operator]) -> Iterator[Unsupported]:
    """The operators of the model that the runtime's message means."""
    names = {(name, int(version)) for name, version in _NO_OPERATOR.findall(reason)}
    for operator in operators:
        # Of TensorFlow's own it says only that there are some.
        flex = operator.name.startswith(compatibility.FLEX) and compatibility.FLEX in reason
        if flex or (operator.name, operator.version) in names:
            yield Unsupported(operator, compatibility.oldest_runtime([operator]))
