"""Whether this device's runtime runs a model at all, and whether it takes several pictures at once.

Knows nothing of labels or preprocessing, so any .tflite file will do. Run as a process of its own
(`python -m edge_server.inference.probe`): a bad file can end it without an exception. Reads
    {"model": FILE, "threads": N, "batch": N}
from standard input and writes one JSON line, as `Probe.to_json` makes it, or {"error": sentence}.
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image

from edge_server.errors import ModelFileError
from edge_server.inference import child, tflite_file
from edge_server.inference.runtime import Model, TensorInfo, dequantize, runtime_info

Tensor: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Kernels may add up in another order for a batch: float rounding, or one step of a quantized
# output, relative to the answer's own range. A wrong row is off by far more.
_ALLOWED_DIFFERENCE: Final = 1e-3
_BLOBS: Final = 5


@dataclass(frozen=True)
class Probe:
    """What a trial found. `finite` says that every answer was; `batch_refusal` is the reason why
    the model can't be resized to a batch, None where it can and each row is the answer alone."""

    input: TensorInfo
    output: TensorInfo
    finite: bool
    batch_refusal: str | None

    def to_json(self) -> dict[str, Any]:
        """The form that goes to the parent process."""
        info = runtime_info()
        return {
            "runtime": info.name,
            "runtime_version": info.version,
            "input": _describe(self.input),
            "output": _describe(self.output),
            "finite": self.finite,
            "batch": {"resizable": self.batch_refusal is None, "reason": self.batch_refusal},
            "tensorflow_imported": "tensorflow" in sys.modules,
        }


def probe(data: bytes, *, name: str, threads: int, batch: int) -> Probe:
    """Run the bytes of a .tflite on different pictures, one by one and then as a batch.

    Raises ModelFileError where the runtime refuses the model or fails to run it.
    """
    model = Model(data, threads=threads, name=name)
    tensor = pictures(model.input, batch)
    single = np.concatenate([model.run(picture[np.newaxis]) for picture in tensor])
    black = model.run(np.zeros(model.input.shape, model.input.dtype))
    answers = dequantize(single, model.output)
    return Probe(
        input=model.input,
        output=model.output,
        finite=bool(np.isfinite(answers).all() and np.isfinite(black).all()),
        batch_refusal=batch_refusal(model, tensor, answers),
    )


def batch_refusal(model: Model, tensor: Tensor, answers: Tensor) -> str | None:
    """Why a model does not take these pictures (n, h, w, c) at once; None where it does.

    `answers`, dequantized, (n, classes), are those that it gave one by one. Leaves the model
    as it was: for one picture.
    """
    try:
        model.resize(len(tensor))
        together = dequantize(model.run(tensor), model.output)
    except ModelFileError as error:
        return str(error)
    finally:
        model.resize(1)
    return _difference(answers, together, model.output)


def _difference(alone: Tensor, together: Tensor, output: TensorInfo) -> str | None:
    allowed = _ALLOWED_DIFFERENCE * max(float(np.abs(alone).max()), 1e-6) + output.scale
    largest = float(np.abs(alone - together).max())
    if largest <= allowed:
        return None
    return f"A picture among others is answered otherwise than alone: off by {largest:.3g}."


def pictures(tensor: TensorInfo, count: int) -> Tensor:
    """Different pictures for an input: blobs of colour, the same each time, (count, h, w, c).

    Of the input's dtype, over its whole range; float32 in -1..1. Raises ModelFileError where the
    input is no picture of numbers.
    """
    if len(tensor.shape) != 4 or min(tensor.shape) < 1 or tensor.dtype.kind not in "fui":
        raise ModelFileError(
            f"The model takes {tensor.dtype} of shape {list(tensor.shape)}; an image classifier "
            "takes one picture, [1, height, width, channels]."
        )
    _, height, width, channels = tensor.shape
    chance = random.Random(0)  # numpy's own stays in memory for ever
    shape = (count * channels, _BLOBS, _BLOBS)
    blobs = np.reshape([chance.random() for _ in range(math.prod(shape))], shape).astype(np.float32)
    planes = [Image.fromarray(blob) for blob in blobs]
    grown = [
        np.asarray(plane.resize((width, height), Image.Resampling.BILINEAR)) for plane in planes
    ]
    real = np.reshape(grown, (count, channels, height, width)).transpose(0, 2, 3, 1)
    if tensor.dtype.kind == "f":
        return np.asarray(real * 2 - 1, tensor.dtype)
    info = np.iinfo(tensor.dtype)
    scaled = np.rint(real.astype(np.float64) * (info.max - info.min) + info.min)
    return np.asarray(scaled.clip(info.min, info.max), tensor.dtype)


def _describe(tensor: TensorInfo) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "dtype": tensor.dtype.name,
        "shape": list(tensor.shape),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["model"])
    data = tflite_file.read(path).data
    threads, batch = int(request["threads"]), int(request["batch"])
    return probe(data, name=path.name, threads=threads, batch=batch).to_json()


if __name__ == "__main__":
    sys.exit(child.serve(_answer))
