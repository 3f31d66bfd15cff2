"""The only file that knows an interpreter: LiteRT, or tflite-runtime where LiteRT has no wheel.

Knows tensors in and tensors out; nothing of images or labels.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from edge_server.errors import EdgeError, ModelFileError

_log = logging.getLogger(__name__)

# Best first: module of the interpreter, distribution that brings it.
_RUNTIMES: Final = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)


class RuntimeMissing(EdgeError):
    """No TFLite runtime is installed."""


@dataclass(frozen=True)
class RuntimeInfo:
    """Which runtime runs the models."""

    name: str
    version: str


@dataclass(frozen=True)
class TensorInfo:
    """An input or output. `scale` is 0 where the tensor is not quantized."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int


@cache
def _find() -> tuple[Any, RuntimeInfo]:
    for module_name, distribution in _RUNTIMES:
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            _log.debug("runtime=%s not usable: %s", distribution, error)
            continue
        return module, RuntimeInfo(distribution, importlib.metadata.version(distribution))
    raise RuntimeMissing(
        "No TFLite runtime can be imported: run `pip install -r requirements-edge.txt`."
    )


def runtime_info() -> RuntimeInfo:
    """Name and version of the runtime in use. Raises RuntimeMissing."""
    return _find()[1]


class Model:
    """One interpreter with a loaded model. Not for two threads at once: see pool.py."""

    def __init__(self, data: bytes, *, threads: int = 1, name: str = "The model") -> None:
        """Load the bytes of a .tflite file.

        Raises ModelFileError where the runtime refuses the model, with its reason.
        """
        module, info = _find()
        try:
            self._interpreter = module.Interpreter(model_content=data, num_threads=threads)
            self._interpreter.allocate_tensors()
            inputs = [_tensor(detail) for detail in self._interpreter.get_input_details()]
            outputs = [_tensor(detail) for detail in self._interpreter.get_output_details()]
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(
                f"{name} can't be loaded by {info.name} {info.version}: "
                f"{first_line(error)}. Convert it for this runtime."
            ) from error
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFileError(
                f"{name} has {len(inputs)} inputs and {len(outputs)} outputs; an image classifier "
                "has one of each."
            )
        self.input, self.output = inputs[0], outputs[0]
        self._name = name

    def run(self, tensor: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Run the model once.

        `tensor` has the input's shape and dtype; the result is a copy of the output, in its own
        dtype. Raises ModelFileError where the model fails when it is run.
        """
        try:
            self._interpreter.set_tensor(self.input.index, tensor)
            self._interpreter.invoke()
            result: np.ndarray[Any, Any] = self._interpreter.get_tensor(self.output.index)
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(
                f"{self._name} loads but fails when it is run: {first_line(error)}."
            ) from error
        return result


def first_line(error: Exception) -> str:
    """The first line of a runtime's message, without its final full stop."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")


def _tensor(detail: dict[str, Any]) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    return TensorInfo(
        index=int(detail["index"]),
        name=str(detail["name"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
    )


def dequantize(values: np.ndarray[Any, Any], tensor: TensorInfo) -> np.ndarray[Any, Any]:
    """A tensor's values as float32; unquantized ones are only converted."""
    if not tensor.scale:
        return values.astype(np.float32)
    # Subtracting in the tensor's own 8 bits would wrap around.
    real = (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)
    return np.asarray(real, np.float32)
