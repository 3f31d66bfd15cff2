"""The only file that knows an interpreter: LiteRT, or tflite-runtime where LiteRT has no wheel.

Knows tensors in and tensors out; nothing of images or labels.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import logging
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

from edge_server.errors import EdgeError, ModelFileError
from edge_server.excerpt import excerpt
from edge_server.inference import partitions, tflite_file
from edge_server.inference.delegate import Delegate
from edge_server.inference.partitions import Partitions

_log = logging.getLogger(__name__)

Tensor: TypeAlias = np.ndarray[Any, Any]

# Best first: module of the interpreter, distribution that brings it.
_RUNTIMES: Final = (
    ("ai_edge_litert.interpreter", "ai-edge-litert"),
    ("tflite_runtime.interpreter", "tflite-runtime"),
)


_DELEGATE_FUNCTIONS: Final = ("tflite_plugin_create_delegate", "tflite_plugin_destroy_delegate")


class RuntimeMissing(EdgeError):
    """No TFLite runtime is installed."""


class DelegateFailed(EdgeError):
    """A delegate can't be loaded, or does not take a model."""


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
    # The shape with -1 for each axis that may have any size.
    free: tuple[int, ...] = ()


@dataclass(frozen=True)
class Signature:
    """How the model was called where it comes from, and its input and output there.

    Where the file does not say it, the names are the tensors' own.
    """

    name: str
    input: str
    output: str


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
        f"No TFLite runtime can be imported by {sys.executable}: run the server in the environment "
        "that `scripts/environment edge` makes, or install requirements-edge.txt into yours."
    )


def runtime_info() -> RuntimeInfo:
    """Name and version of the runtime in use. Raises RuntimeMissing."""
    return _find()[1]


class Interpreter:
    """The runtime's interpreter of a .tflite with any number of inputs and outputs.

    What a graph keeps from one run to the next, as recurrent operators do, is forgotten before
    each run: a picture's answer must not hang on the picture before it.
    """

    def __init__(self, data: bytes, *, threads: int = 1, delegate: Delegate | None = None) -> None:
        """Load the bytes of a .tflite. Raises RuntimeError or ValueError where the runtime refuses
        it, DelegateFailed."""
        self._data, self._threads, self._delegate = data, threads, delegate
        self.load()
        self._state = tflite_file.state(data)

    def load(self) -> None:
        """Load it again, as it stands in the file."""
        module, options = _find()[0], {}
        if self._delegate is not None:
            # One for each interpreter: some keep what belongs to a model.
            options["experimental_delegates"] = [_load_delegate(module, self._delegate)]
        self._interpreter: Any = module.Interpreter(
            model_content=self._data, num_threads=self._threads, **options
        )
        self._interpreter.allocate_tensors()
        self._resized: tuple[int, tuple[int, ...]] | None = None

    @property
    def inputs(self) -> list[TensorInfo]:
        return [_tensor(detail) for detail in self._interpreter.get_input_details()]

    @property
    def outputs(self) -> list[TensorInfo]:
        return [_tensor(detail) for detail in self._interpreter.get_output_details()]

    @property
    def signatures(self) -> dict[str, Any]:
        """The signatures by name: what the runtime's get_signature_list() returns."""
        return dict(self._interpreter.get_signature_list())

    def resize(self, index: int, shape: tuple[int, ...]) -> None:
        """Give the input tensor `index` another shape, and no other input. Raises RuntimeError or
        ValueError."""
        if self._state.resources:
            self.load()  # a variable keeps the shape that it was given last
        self._interpreter.resize_tensor_input(index, shape)
        self._interpreter.allocate_tensors()
        self._resized = index, shape

    def run(self, tensors: Mapping[int, Tensor], outputs: Sequence[int]) -> list[Tensor]:
        """Copies of the output tensors of these numbers, for input tensors by their numbers.

        Raises RuntimeError or ValueError where an operator fails.
        """
        self._forget()
        for index, tensor in tensors.items():
            self._interpreter.set_tensor(index, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in outputs]

    def partitions(self) -> Partitions | None:
        """How much of the graph runs in a delegate; None where the runtime does not tell."""
        details = getattr(self._interpreter, "_get_ops_details", None)
        try:
            return partitions.count(details()) if details else None
        except (KeyError, TypeError, ValueError):  # it is no public function
            return None

    def _forget(self) -> None:
        if self._state.resources:
            # No runtime resets these: only a new interpreter has their first values.
            if self._resized is not None:
                self.resize(*self._resized)
            else:
                self.load()
        elif self._state.tensors:
            self._interpreter.reset_all_variables()


class Model:
    """One interpreter with a loaded model. Not for two threads at once: see pool.py.

    `input` and `output` are as they stand in the file, for one picture.
    """

    def __init__(
        self,
        data: bytes,
        *,
        threads: int = 1,
        name: str = "The model",
        delegate: Delegate | None = None,
    ) -> None:
        """Load the bytes of a .tflite file.

        Raises ModelFileError where the runtime refuses the model, with its reason; DelegateFailed
        where the delegate can't be had.
        """
        self.threads, self._name = threads, name
        try:
            self._interpreter = Interpreter(data, threads=threads, delegate=delegate)
        except (RuntimeError, ValueError) as error:
            info = runtime_info()
            raise ModelFileError(
                f"{name} can't be loaded by {info.name} {info.version}: "
                f"{first_line(error)}. Convert it for this runtime."
            ) from error
        inputs, outputs = self._interpreter.inputs, self._interpreter.outputs
        if len(inputs) != 1 or len(outputs) != 1:
            raise ModelFileError(
                f"{name} has {len(inputs)} inputs and {len(outputs)} outputs ("
                f"{', '.join(f'{end.name} {list(end.shape)}' for end in inputs + outputs)}); an "
                "image classifier has one of each. Export it with its scores as the only output."
            )
        self.input, self.output = inputs[0], outputs[0]
        self.signature = _signature(self._interpreter.signatures, self.input, self.output)
        self._rows = self.input.shape[0] if self.input.shape else 0

    def partitions(self) -> Partitions | None:
        """How much of the graph runs in a delegate; None where the runtime does not tell."""
        return self._interpreter.partitions()

    def resize(self, rows: int) -> None:
        """Take and answer so many pictures at once from now on.

        Usually a fraction of a millisecond; tflite-runtime packs float weights of dense layers
        anew. Raises ModelFileError where the graph is not made for it; the model is then as it
        was loaded.
        """
        if rows == self._rows:
            return
        refusal = self._try_rows(rows)
        if refusal is None:
            self._rows = rows
            return
        # Run after a refusal, tflite-runtime answers wrongly or dies.
        self._interpreter.load()
        self._rows = self.input.shape[0]
        raise ModelFileError(f"{self._name} can't take {rows} pictures at once: {refusal}.")

    def _try_rows(self, rows: int) -> str | None:
        """Resize; returns why that is not possible."""
        try:
            self._interpreter.resize(self.input.index, (rows, *self.input.shape[1:]))
        except (RuntimeError, ValueError) as error:
            return first_line(error)
        answer = list(self._interpreter.outputs[0].shape)
        return None if answer[:1] == [rows] else f"it then answers in the shape {answer}"

    def run(self, tensor: Tensor) -> Tensor:
        """Run the model once, as if it had never run before.

        `tensor` has the input's dtype and shape, or that of resize(); the result is a copy of the
        output, in its own dtype. Raises ModelFileError where the model fails when it is run.
        """
        try:
            return self._interpreter.run({self.input.index: tensor}, [self.output.index])[0]
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(
                f"{self._name} loads but fails when it is run: {first_line(error)}{_where(error)}."
            ) from error


def _load_delegate(module: Any, delegate: Delegate) -> Any:
    try:
        # The runtime itself leaves an exception that nobody can catch where one of these fails.
        library = ctypes.CDLL(delegate.library)
        for function in _DELEGATE_FUNCTIONS:
            getattr(library, function)
        return module.load_delegate(delegate.library, dict(delegate.options))
    except (OSError, AttributeError, ValueError) as error:
        text = str(error).replace(f"Failed to load delegate from {delegate.library}", "").strip()
        raise DelegateFailed(
            f"The delegate {delegate.library} can't be loaded: "
            f"{first_line(ValueError(text or 'it gives no reason'))}. Install its library, or "
            "leave out --delegate."
        ) from error


def first_line(error: Exception) -> str:
    """The first line of a runtime's message, without its final full stop."""
    text = str(error).strip() or type(error).__name__
    # The runtimes often forget the line break before they name the node.
    return excerpt(re.split(r"\n|(?<!^)Node number", text)[0])


def _where(error: Exception) -> str:
    """The operator that a runtime's message names, by its number in the graph and its kind."""
    node = re.search(r"Node number (\d+) \((\w+)\)", str(error))
    return f" (operator {node[1]}, {node[2]})" if node else ""


def _tensor(detail: dict[str, Any]) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    return TensorInfo(
        index=int(detail["index"]),
        name=str(detail["name"]),
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=np.dtype(detail["dtype"]),
        scale=float(scale),
        zero_point=int(zero_point),
        free=tuple(int(size) for size in detail["shape_signature"]),
    )


def _signature(found: dict[str, Any], taken: TensorInfo, given: TensorInfo) -> Signature:
    """The first of the signatures that get_signature_list() has."""
    for name, ends in found.items():
        if len(ends["inputs"]) == len(ends["outputs"]) == 1:
            return Signature(name, ends["inputs"][0], ends["outputs"][0])
    return Signature("serving_default", taken.name or "input", given.name or "output")


def dequantize(values: Tensor, tensor: TensorInfo) -> Tensor:
    """A tensor's values as float32; unquantized ones are only converted."""
    if not tensor.scale:
        return values.astype(np.float32)
    # Subtracting in the tensor's own 8 bits would wrap around.
    real = (values.astype(np.float32) - tensor.zero_point) * np.float32(tensor.scale)
    return np.asarray(real, np.float32)
