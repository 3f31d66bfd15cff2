"""Whether this device's runtime runs a model at all, and whether it takes several pictures at once.

Knows nothing of labels or preprocessing, so any .tflite file will do. Run as a process of its own
(`python -m edge_server.inference.probe`): a bad file can end it without an exception. Reads
    {"model": FILE, "threads": N, "batch": N, "photos": [FILE, ...], "preprocessing": {...} or null}
from standard input and writes one JSON line, as `Probe.to_json` makes it, or {"error": sentence}.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from PIL import Image

from edge_server.errors import ModelFileError
from edge_server.inference import child, decoding, preprocessing, tflite_file
from edge_server.inference.preparation import Preparation
from edge_server.inference.preprocessing import Preprocessing
from edge_server.inference.runtime import Model, TensorInfo, dequantize, runtime_info

Tensor: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Kernels may add up in another order for a batch: float rounding, or one step of a quantized
# output, relative to the answer's own range. A wrong row is off by far more.
_ALLOWED_DIFFERENCE: Final = 1e-3
_BLOBS: Final = 5


@dataclass(frozen=True)
class Probe:
    """What a trial found. `finite` says that every answer was; `batch_refusal` is the reason why
    the model can't be resized to a batch, None where it can and each row is the answer alone;
    `black_refusal` the reason why it can't be run on a black picture, None where it can."""

    input: TensorInfo
    output: TensorInfo
    finite: bool
    batch_refusal: str | None
    black_refusal: str | None

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
            "black": self.black_refusal,
            "tensorflow_imported": "tensorflow" in sys.modules,
        }


def probe(
    data: bytes,
    *,
    name: str,
    threads: int,
    batch: int,
    photos: Sequence[bytes] = (),
    spec: Preprocessing | None = None,
) -> Probe:
    """Run the bytes of a .tflite on different pictures, one by one and then as a batch.

    The pictures are `photos`, encoded images that the model sees through `spec`; made-up ones
    where there are none. Raises ModelFileError where the runtime refuses the model or fails to run
    it on them, ImageError for a photo that can't be decoded.
    """
    model = Model(data, threads=threads, name=name)
    tensor = _shown(photos, spec, model.input, batch) if spec else pictures(model.input, batch)
    single = np.concatenate([model.run(picture[np.newaxis]) for picture in tensor])
    answers = dequantize(single, model.output)
    return Probe(
        input=model.input,
        output=model.output,
        finite=bool(np.isfinite(answers).all()),
        batch_refusal=batch_refusal(model, tensor, answers),
        black_refusal=_black_refusal(model, spec),
    )


def _shown(photos: Sequence[bytes], spec: Preprocessing, taken: TensorInfo, count: int) -> Tensor:
    """So many tensors of photos, (count, h, w, c); where photos are few, mirrored ones too."""
    preparation = Preparation(spec, taken, max_pixels=decoding.DEFAULT_MAX_PIXELS)
    tensors = []
    for number in range(count):
        seen = preprocessing.see(photos[number % len(photos)], spec)
        mirrored = number // len(photos) % 2 == 1
        tensors.append(preparation.of_seen(seen[:, ::-1] if mirrored else seen))
    return np.concatenate(tensors)


def _black_refusal(model: Model, spec: Preprocessing | None) -> str | None:
    """Some operators can't divide by what is 0 only there."""
    try:
        model.run(black(model.input, spec))
    except ModelFileError as error:
        return str(error)
    return None


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
    highest = float(np.abs(alone[np.isfinite(alone)]).max(initial=1e-6))
    allowed = _ALLOWED_DIFFERENCE * highest + output.scale
    # What is infinite or no number in both is the model's own affair.
    same = (alone == together) | (np.isnan(alone) & np.isnan(together))
    with np.errstate(invalid="ignore"):
        largest = float(np.abs(np.where(same, 0, alone - together)).max())
    if largest <= allowed:
        return None
    return f"A picture among others is answered otherwise than alone: off by {largest:.3g}."


def black(tensor: TensorInfo, spec: Preprocessing | None) -> Tensor:
    """A black picture for an input, (1, h, w, c); without a specification one of zeros."""
    if spec is None:
        return np.zeros(tensor.shape, tensor.dtype)
    seen = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    return Preparation(spec, tensor, max_pixels=decoding.DEFAULT_MAX_PIXELS).of_seen(seen)


def pictures(tensor: TensorInfo, count: int, spec: Preprocessing | None = None) -> Tensor:
    """Different pictures for an input: blobs of colour, the same each time, (count, h, w, c).

    Of the input's dtype, over its whole range; float32 in the range of `spec`, without one -1..1.
    They tell how fast a model is, and are no reason to refuse one: a graph may have answers to
    photos alone. Raises ModelFileError where the input is no picture of numbers.
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
        if spec is None:
            return np.asarray(real * 2 - 1, tensor.dtype)
        pixels = np.rint(real * 255).astype(np.uint8)
        return np.concatenate([preprocessing.normalize(picture, spec) for picture in pixels])
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
    spec = request.get("preprocessing")
    return probe(
        data,
        name=path.name,
        threads=int(request["threads"]),
        batch=int(request["batch"]),
        photos=[Path(photo).read_bytes() for photo in request.get("photos", ())],
        spec=Preprocessing.from_json(spec) if spec else None,
    ).to_json()


if __name__ == "__main__":
    sys.exit(child.serve(_answer))
