"""What a candidate is: a converted graph, and what it is worth on the target's runtime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from convert.better_int8 import Step
from convert.device.candidate import DeviceRun, Probe
from convert.metrics import Scores
from convert.recipes import Recipe
from convert.validation import Validation
from edge_server.inference.preprocessing import Preprocessing


@dataclass(frozen=True)
class Draft:
    """A bare .tflite. `spec` is what the device does to a picture before this graph sees it:
    the build's own, or less where the graph does a part of it; `inner` is the graph without that
    part, None where there is none. `float_twin` is a float32 .tflite that corresponds to the graph
    operator by operator and channel by channel, where the bench's does not."""

    name: str
    recipe: Recipe
    graph: bytes
    spec: Preprocessing
    probe: Probe
    adaptations: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    float_layers: int = 0
    inner: bytes | None = None
    float_twin: bytes | None = None

    @property
    def bare_graph(self) -> bytes:
        """The graph that takes what the build's own preprocessing gives."""
        return self.inner or self.graph


@dataclass(frozen=True)
class Trial:
    """A candidate and what it is worth. `file` is the whole file as it ran, without golden
    samples; `further` are its scores (pictures, classes) of pictures beside the validation photos;
    `invoke_ms` is the median time of one picture on the target's runtime."""

    draft: Draft
    file: Path
    size: int
    run: DeviceRun
    scores: Scores
    further: Scores
    judged: Validation
    invoke_ms: float | None

    def with_time(self, milliseconds: float) -> Trial:
        return replace(self, invoke_ms=milliseconds)
