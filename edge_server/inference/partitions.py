"""How much of a loaded graph the runtime gave to a delegate, as XNNPACK, and in how many parts.

Where the graph goes from one part to the next, activations are handed over and kernels of other
speed work between. Knows the interpreter's list of operators only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

# What the runtimes call the operator that stands for a delegated part.
_PART: Final = "DELEGATE"


@dataclass(frozen=True)
class Partitions:
    """`inside` of all `operators` of the graph run in a delegate, which has `parts` of it."""

    operators: int
    inside: int
    parts: int

    def to_json(self) -> dict[str, int]:
        return {"operators": self.operators, "inside": self.inside, "parts": self.parts}


def count(operators: Sequence[dict[str, Any]]) -> Partitions:
    """Counts of an interpreter's `_get_ops_details()`, taken after allocate_tensors().

    The list has the operators of the file and, behind them, one for each part with the tensors
    that go into it and come out. Inside are those that compute what comes out, from what goes in.
    """
    parts = [operator for operator in operators if operator["op_name"] == _PART]
    own = [operator for operator in operators if operator["op_name"] != _PART]
    maker = {
        int(tensor): number for number, operator in enumerate(own) for tensor in operator["outputs"]
    }
    inside: set[int] = set()
    for part in parts:
        given = {int(tensor) for tensor in part["inputs"]}
        wanted = [int(tensor) for tensor in part["outputs"]]
        while wanted:
            number = maker.get(wanted.pop())
            if number is None or number in inside:
                continue
            inside.add(number)
            wanted += [int(tensor) for tensor in own[number]["inputs"] if int(tensor) not in given]
    return Partitions(len(own), len(inside), len(parts))
