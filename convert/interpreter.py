"""TensorFlow's own TFLite interpreter, for work on graphs while they are made.

What proves a model runs in a process without TensorFlow instead: see convert.device.candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from edge_server import processors

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")
U = TypeVar("U")


class Interpreter:
    """A loaded .tflite. Raises RuntimeError or ValueError where it can't be run."""

    def __init__(self, model: bytes, *, threads: int | None = None) -> None:
        self._interpreter = tf.lite.Interpreter(
            model_content=model, num_threads=threads or processors.count()
        )
        self._interpreter.allocate_tensors()
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def run(self, tensors: Sequence[Array]) -> list[Array]:
        """The outputs for one set of inputs, as copies."""
        for index, tensor in zip(self._inputs, tensors, strict=True):
            self._interpreter.set_tensor(index, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]


def run_each(model: bytes, inputs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """The outputs of a .tflite for many sets of inputs, on all processors.

    One interpreter for each is faster than one with many threads: small operators don't divide.
    """
    return in_parts(inputs, lambda part: _run_all(Interpreter(model, threads=1), part))


def _run_all(interpreter: Interpreter, inputs: Sequence[Sequence[Array]]) -> list[list[Array]]:
    return [interpreter.run(tensors) for tensors in inputs]


def in_parts(items: Sequence[T], work: Callable[[Sequence[T]], list[U]]) -> list[U]:
    """work(items), with a part of them on each processor. The order stays."""
    size = max(-(-len(items) // processors.count()), 1)
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    if len(parts) < 2:
        return work(items)
    with ThreadPoolExecutor(len(parts)) as pool:
        return [result for results in pool.map(work, parts) for result in results]
