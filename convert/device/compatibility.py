"""Operators and versions -> the oldest runtime that has them: to explain a refusal, not to foresee
it. Only running a file on the runtime proves that it runs; see target_conversion.py."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from convert.device.operator_versions import NEWEST, RUNTIMES
from convert.file.tflite_schema import Operator

FLEX: Final = "Flex"


@dataclass(frozen=True)
class Unsupported:
    """An operator that a runtime lacks. `needs` is the oldest runtime with it, None if unknown."""

    operator: Operator
    needs: str | None

    @property
    def sentence(self) -> str:
        """What it is and where it would run, to stand within a sentence."""
        operator = self.operator
        if operator.name.startswith(FLEX):
            return (
                f"{operator.name} is TensorFlow's own operator {operator.name[len(FLEX) :]}, which "
                "needs a runtime built with TensorFlow's operators (the Flex delegate)"
            )
        named = f"{operator.name} version {operator.version}"
        if self.needs is None:
            return f"{named} needs a runtime newer than {_full(NEWEST)}"
        return f"{named} needs runtime {self.needs} or newer"


def oldest_runtime(operators: Iterable[Operator]) -> str | None:
    """The oldest TensorFlow Lite runtime with all the operators, for example "2.17.0".

    None where an operator is custom, TensorFlow's own, or newer than what is known here. The
    number counts as TensorFlow's releases do, and so tflite-runtime's; LiteRT has its own.
    """
    found = [_needs(operator) for operator in operators]
    known = [runtime for runtime in found if runtime is not None]
    if len(known) < len(found):
        return None
    return max(known, key=_number, default=None)


def unsupported(operators: Iterable[Operator], runtime_version: str) -> tuple[Unsupported, ...]:
    """The operators that a runtime of that version (as TensorFlow counts) does not have.

    Custom operators are left out, since a runtime may bring them; TensorFlow's own never are.
    For a target, give targets.Target.operators_of, since LiteRT counts its releases otherwise.
    """
    version = _number(runtime_version)
    lacking = []
    for operator in operators:
        needs = _needs(operator)
        if needs is not None:
            missing = _number(needs) > version
        elif operator.name.startswith(FLEX):
            missing = True
        else:
            missing = operator.name.isupper() and version < _number(NEWEST)
        if missing:
            lacking.append(Unsupported(operator, needs))
    return tuple(lacking)


def _needs(operator: Operator) -> str | None:
    runtimes = RUNTIMES.get(operator.name, ())
    if not 1 <= operator.version <= len(runtimes):
        return None
    needs = runtimes[operator.version - 1]
    return None if needs == "-" else _full(needs)


def _number(version: str) -> tuple[int, ...]:
    """2.14.0 -> (2, 14, 0); what is no number, as in 2.15.0rc1, is left out."""
    digits = (("".join(c for c in part if c.isdigit())) for part in version.split(".")[:3])
    return tuple(int(part or 0) for part in digits)


def _full(version: str) -> str:
    """2.17 -> 2.17.0, as releases are named."""
    return version if version.count(".") == 2 else f"{version}.0"
