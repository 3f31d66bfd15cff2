"""TensorFlow's own TFLite interpreter, for work on graphs while they are made.

What proves a model runs in a process without TensorFlow instead: see convert.candidate.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Array = np.ndarray[Any, np.dtype[Any]]


class Interpreter:
    """A loaded .tflite. Raises RuntimeError or ValueError where it can't be run."""

    def __init__(self, model: bytes) -> None:
        self._interpreter = tf.lite.Interpreter(model_content=model, num_threads=os.cpu_count())
        self._interpreter.allocate_tensors()
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    def run(self, tensors: Sequence[Array]) -> list[Array]:
        """The outputs for one set of inputs, as copies."""
        for index, tensor in zip(self._inputs, tensors, strict=True):
            self._interpreter.set_tensor(index, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
