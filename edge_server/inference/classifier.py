"""One loaded model: images -> classifications. Knows nothing of HTTP or files on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge_server.errors import ModelFileError, SettingError
from edge_server.inference import decoding, preprocessing
from edge_server.inference.bundle import Bundle
from edge_server.inference.decoding import Pixels
from edge_server.inference.manifest import Output
from edge_server.inference.pool import Pool
from edge_server.inference.preprocessing import FloatTensor, Tensor
from edge_server.inference.runtime import Model, TensorInfo, dequantize

DEFAULT_TOP_K: Final = 5
_INPUT_DTYPES: Final = (np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.int8))


@dataclass(frozen=True)
class Prediction:
    """One class: its label, its index in the output, its confidence 0..1."""

    label: str
    index: int
    confidence: float


@dataclass(frozen=True)
class Timing:
    """Milliseconds that an answer took, part by part; `queue` is the wait for an interpreter."""

    decode: float = 0.0
    preprocess: float = 0.0
    queue: float = 0.0
    invoke: float = 0.0

    def __add__(self, other: Timing) -> Timing:
        return Timing(
            self.decode + other.decode,
            self.preprocess + other.preprocess,
            self.queue + other.queue,
            self.invoke + other.invoke,
        )


@dataclass(frozen=True)
class Classification:
    """The classes of one image, most confident first, never empty."""

    top: tuple[Prediction, ...]
    timing: Timing


class Classifier:
    """A model in one or more interpreters, for any number of threads."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        interpreters: int = 1,
        threads: int = 1,
        max_waiting: int = 32,
        max_pixels: int = decoding.DEFAULT_MAX_PIXELS,
    ) -> None:
        """Load the model.

        Raises ModelFileError where it is no image classifier or the runtime refuses it,
        SettingError where labels or preprocessing are missing or do not fit.
        """
        models = [
            Model(bundle.file.data, threads=threads, name=bundle.name) for _ in range(interpreters)
        ]
        self.bundle = bundle
        self._max_pixels = max_pixels
        self._pool = Pool(models, max_waiting=max_waiting)
        self.interpreters, self.threads = interpreters, threads
        self._input, self._output = models[0].input, models[0].output
        height, width, channels = _image_shape(bundle.name, self._input)
        self.spec = bundle.preprocessing(width, height, channels)
        self._table: Tensor | None = None
        if self._input.dtype != np.float32:
            self._table = preprocessing.quantization_table(
                self.spec, self._input.scale or 1.0, self._input.zero_point, self._input.dtype
            )
        # The usual case of a uint8 model: resized bytes are the tensor.
        self._passes_pixels = self._table is not None and preprocessing.is_identity(self._table)
        self.classes = int(np.prod(self._output.shape))
        self.labels = _labels(bundle, self.classes)
        for model in models:
            _try(bundle.name, model)

    def classify(
        self, image: bytes, *, top_k: int = DEFAULT_TOP_K, timeout: float = 30.0
    ) -> Classification:
        """Classify one encoded image.

        Raises ImageError, Overloaded, DeadlineExceeded (after `timeout` seconds).
        """
        start = time.perf_counter()
        pixels = decoding.decode(image, max_pixels=self._max_pixels)
        decode = _milliseconds_since(start)
        result = self.classify_pixels(pixels, top_k=top_k, timeout=timeout)
        return Classification(result.top, result.timing + Timing(decode=decode))

    def classify_pixels(
        self, pixels: Pixels, *, top_k: int = DEFAULT_TOP_K, timeout: float = 30.0
    ) -> Classification:
        """The same for decoded pixels: uint8 (h, w, 3) RGB."""
        scores, timing = self._run(pixels, timeout)
        return Classification(self._top(scores, top_k), timing)

    def scores(self, pixels: Pixels, *, timeout: float = 30.0) -> FloatTensor:
        """The score of each class for uint8 (h, w, 3) RGB: float32 (classes,), 0..1."""
        return self._run(pixels, timeout)[0]

    def _run(self, pixels: Pixels, timeout: float) -> tuple[FloatTensor, Timing]:
        start = time.perf_counter()
        tensor = self._tensor(pixels)
        prepared = time.perf_counter()
        with self._pool.borrow(timeout) as model:
            borrowed = time.perf_counter()
            raw = model.run(tensor)
            done = time.perf_counter()
        values = dequantize(raw, self._output).reshape(-1)
        timing = Timing(
            preprocess=(prepared - start) * 1e3,
            queue=(borrowed - prepared) * 1e3,
            invoke=(done - borrowed) * 1e3,
        )
        return to_scores(values, self.bundle.output), timing

    def _tensor(self, pixels: Pixels) -> Tensor:
        resized = preprocessing.resize(pixels, self.spec)
        if self._passes_pixels:
            return resized[np.newaxis]
        if self._table is None:
            return preprocessing.normalize(resized, self.spec)
        return preprocessing.quantize(resized, self._table)

    def _top(self, scores: FloatTensor, top_k: int) -> tuple[Prediction, ...]:
        return tuple(
            Prediction(self.labels[index], index, float(scores[index]))
            for index in top_indices(scores, top_k)
        )


def to_scores(values: np.ndarray[Any, Any], output: Output) -> FloatTensor:
    """What a model puts out, float32 (classes,), as scores 0..1."""
    if output is not Output.LOGITS:
        return values
    exponentials = np.exp(values - values.max())
    scores: FloatTensor = exponentials / exponentials.sum()
    return scores


def top_indices(scores: FloatTensor, count: int) -> list[int]:
    """The indices of the `count` highest scores, best first; of equal ones the lower index."""
    order = np.argsort(-scores, kind="stable")[:count]
    return [int(index) for index in order]


def _try(name: str, model: Model) -> None:
    """Run a model once, on a black picture: some fail only then, and the first run is slow.

    Raises ModelFileError.
    """
    raw = model.run(np.zeros(model.input.shape, model.input.dtype))
    if not np.isfinite(dequantize(raw, model.output)).all():
        raise ModelFileError(
            f"{name} puts out numbers that are not finite for a black picture: convert it again."
        )


def _milliseconds_since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3


def _image_shape(name: str, tensor: TensorInfo) -> tuple[int, int, int]:
    shape = tensor.shape
    if len(shape) != 4 or shape[0] != 1 or shape[3] not in (1, 3) or min(shape) < 1:
        raise ModelFileError(
            f"{name} takes an input of shape {list(shape)}; an image classifier takes one picture, "
            "[1, height, width, 1 or 3]."
        )
    if tensor.dtype not in _INPUT_DTYPES:
        raise ModelFileError(
            f"{name} takes {tensor.dtype} numbers; "
            "an image classifier takes float32, uint8 or int8."
        )
    return shape[1], shape[2], shape[3]


def _labels(bundle: Bundle, classes: int) -> Sequence[str]:
    if not bundle.labels:
        return tuple(str(index) for index in range(classes))
    if len(bundle.labels) != classes:
        raise SettingError(
            f"{bundle.name} puts out {classes} classes but there are {len(bundle.labels)} labels: "
            "give a label file with one line for each class."
        )
    return bundle.labels
