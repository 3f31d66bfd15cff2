"""Runs graphs while they are made, on the interpreter of the device's code.

Here that is LiteRT, which can share a process with TensorFlow. TensorFlow's own interpreter would
correct a file for kernels that no device has: that of TensorFlow 2.21 multiplies int8 matrices
(BATCH_MATMUL) wrongly. What proves a file runs in a process of the target's Python instead, as for
tflite-runtime it must: see convert.device.candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from edge_server import processors
from edge_server.inference.runtime import Interpreter

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")
U = TypeVar("U")


def run_each(model: bytes, inputs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """The outputs of a .tflite for many sets of inputs, on all processors.

    One interpreter for each is faster than one with many threads: small operators don't divide.
    Raises RuntimeError or ValueError where it can't be run.
    """
    return in_parts(inputs, lambda part: _run_all(Interpreter(model), part))


def _run_all(interpreter: Interpreter, inputs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    taken = [tensor.index for tensor in interpreter.inputs]
    given = [tensor.index for tensor in interpreter.outputs]
    return [interpreter.run(dict(zip(taken, tensors, strict=True)), given) for tensors in inputs]


def in_parts(items: Sequence[T], work: Callable[[Sequence[T]], list[U]]) -> list[U]:
    """work(items), with a part of them on each processor. The order stays."""
    size = max(-(-len(items) // processors.count()), 1)
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    if len(parts) < 2:
        return work(items)
    with ThreadPoolExecutor(len(parts)) as pool:
        return [result for results in pool.map(work, parts) for result in results]
