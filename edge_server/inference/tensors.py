"""Tensors that clients made themselves -> what the model takes. Knows nothing of interpreters.

A client that asked the original sends the original's numbers, and goes on to do so: they are
quantized here, and put through whatever the file's graph does itself of the preprocessing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_server.errors import TensorError
from edge_server.inference import preprocessing
from edge_server.inference.bundle import Bundle
from edge_server.inference.preprocessing import ColorOrder, FloatTensor, Preprocessing, Tensor
from edge_server.inference.runtime import TensorInfo


@dataclass(frozen=True)
class TensorInput:
    """The model's input, for tensors.

    `original` is what the original model was given, `file` what this file takes: they differ
    where the graph does a part of the preprocessing.
    """

    info: TensorInfo
    original: Preprocessing
    file: Preprocessing

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one picture: (height, width, channels)."""
        return self.info.shape[1:]

    def accept(self, tensor: Tensor) -> Tensor:
        """A tensor (n, h, w, c) in the model's own type, ready to be run.

        Takes the model's own type, as it is, or float32 in the original's numbers. Raises
        TensorError.
        """
        if tensor.ndim != 4 or tensor.shape[1:] != self.shape or not len(tensor):
            expected = ",".join(str(size) for size in (-1, *self.shape))
            got = ",".join(str(size) for size in tensor.shape)
            raise TensorError(
                f"Expecting shape [{expected}] but got: [{got}]: send pictures of "
                f"{self.shape[0]} rows, {self.shape[1]} columns and {self.shape[2]} channels, or "
                "encoded images, which are resized here."
            )
        if tensor.dtype == np.float32:
            return self._from_original(tensor)
        if tensor.dtype != self.info.dtype:
            raise TensorError(
                f"The tensor is of {tensor.dtype}: send float32, the numbers that the original "
                f"model took, or {self.info.dtype}."
            )
        return tensor

    def _from_original(self, tensor: Tensor) -> Tensor:
        real: np.ndarray[Any, Any] = tensor
        if not _same_numbers(self.original, self.file):
            mean, std = _numbers(self.original)
            pixels = tensor * std + mean
            if ColorOrder.BGR in (self.original.color_order, self.file.color_order) and (
                self.original.color_order is not self.file.color_order
            ):
                pixels = pixels[..., ::-1]
            mean, std = _numbers(self.file)
            real = (pixels - mean) / std
        if self.info.dtype == np.float32:
            return np.ascontiguousarray(real, np.float32)
        if np.isnan(real).any():
            raise TensorError(
                f"The tensor has NaN in it, which the model's {self.info.dtype} input can't say: "
                "send numbers."
            )
        scale, zero = self.info.scale or 1.0, self.info.zero_point
        return preprocessing.quantize_real(real, self.file, scale, zero, self.info.dtype)


def _numbers(spec: Preprocessing) -> tuple[FloatTensor, FloatTensor]:
    return np.asarray(spec.mean, np.float32), np.asarray(spec.std, np.float32)


def _same_numbers(one: Preprocessing, other: Preprocessing) -> bool:
    return (one.mean, one.std, one.color_order) == (other.mean, other.std, other.color_order)


def of(info: TensorInfo, file: Preprocessing, bundle: Bundle) -> TensorInput:
    """The input of a model, with `file` as its preprocessing.

    What the original took stands in the manifest; an option of the server replaces both.
    """
    source = bundle.manifest.source if bundle.manifest and bundle.preset is None else {}
    try:
        original = Preprocessing.from_json(source["preprocessing"])
    except (KeyError, TypeError, ValueError):  # files of the first release do not say it
        original = file
    return TensorInput(info, original, file)
