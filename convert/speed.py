"""Whether an integer file is faster than its float32 twin, and how much of it XNNPACK runs."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from convert.check import Check
from convert.errors import BuildError
from edge_server.inference.partitions import Partitions

# Medians of two models that take turns differ by less where both are as fast.
_NOISE: Final = 1.1
# Milliseconds that matter to nobody: decoding a photo takes more.
_LEAST: Final = 0.05


@dataclass(frozen=True)
class Times:
    """Median milliseconds of one picture, measured turn by turn on one machine and runtime."""

    integer: float
    float32: float


def measured(latency: Callable[[], Sequence[float]]) -> Times | None:
    """The times of an integer file that runs and of its float32 twin; None where the runtime
    refuses the twin, which may need newer operators."""
    try:
        return Times(*latency())
    except BuildError:
        return None


def check(recipe: str, times: Times, partitions: Partitions | None, runtime: str) -> Check:
    """Whether the file of the integer `recipe` takes longer than the same graph in float32.

    Where none of its operators runs inside XNNPACK, nothing is concluded: the runtime then lacks
    the kernels for this processor, as tflite-runtime 2.14 does on x86.
    """
    counted = None if partitions is None else partitions.to_json()
    figures = {
        "invoke_ms_median": round(times.integer, 3),
        "float32_invoke_ms_median": round(times.float32, 3),
        "machine": platform.machine(),
        "runtime": runtime,
        "xnnpack": counted,
    }
    said = (
        f"{recipe} takes {times.integer:.2f} ms a picture here ({platform.machine()}, {runtime}), "
        f"the same graph in float32 {times.float32:.2f} ms; {share(counted)}"
    )
    outside = partitions is not None and partitions.inside == 0
    longer = times.integer - times.float32
    slower = longer > max(_LEAST, (_NOISE - 1) * times.float32) and not outside
    if slower:
        said += (
            ". Another recipe is faster on this machine: --recipe auto measures them and takes the "
            "fastest that passes"
        )
    elif outside:
        said += ", so the times tell nothing of a processor for which this runtime has kernels"
    sentence = f"{said}. `python -m edge_server selftest` measures the file on the device."
    return Check("speed", "warned" if slower else "passed", sentence, figures)


def share(partitions: Mapping[str, int] | None) -> str:
    """A clause on the counts of Partitions.to_json()."""
    if partitions is None:
        return "how many operators run inside XNNPACK is not known"
    operators, inside, parts = (partitions[key] for key in ("operators", "inside", "parts"))
    if not inside:
        return f"none of its {operators} operators runs inside XNNPACK"
    return f"{inside} of {operators} operators run inside XNNPACK, in {parts} " + (
        "part" if parts == 1 else "parts"
    )
