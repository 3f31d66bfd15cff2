"""What runs the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_server.configuration.declaration import setting
from edge_server.inference import delegate as delegates


def _check_delegate_options(options: Sequence[str]) -> None:
    for option in options:
        delegates.pair(option)


@dataclass(frozen=True)
class InferenceSettings:
    interpreters: int = setting(
        0,
        "interpreters, each with the whole model (0: measured at start, at most 4)",
        "N",
        minimum=0,
        maximum=64,
        reason="many of one thread or one of many: which answers most pictures depends on the "
        "model and the cores, so it is tried",
    )
    threads: int = setting(
        0,
        "threads of each interpreter (0: with the interpreters as many as there are cores)",
        "N",
        minimum=0,
        maximum=64,
        reason="more threads than cores only wait for each other",
    )
    delegate: str = setting(
        "",
        "library of an accelerator that is to run the model: libedgetpu.so.1, or any external "
        "delegate of TensorFlow Lite; the CPU does where it can't",
        "LIBRARY",
        reason="the CPU runs every model, and an accelerator has to be there",
    )
    delegate_options: tuple[str, ...] = setting(
        (),
        "what the delegate is told, each key=value",
        "KEY=VALUE",
        check=_check_delegate_options,
        reason="each library has its own, and none that it needs",
    )
