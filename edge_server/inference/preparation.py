"""Encoded images or pixels -> the input tensor of one model, and how long that took."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from PIL import Image

from edge_server.deadline import Deadline
from edge_server.errors import ImageError
from edge_server.inference import decoding, preprocessing
from edge_server.inference.classification import Timing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import Preprocessing, Tensor
from edge_server.inference.region import Region
from edge_server.inference.runtime import TensorInfo


class Preparation:
    """What a specification asks for, as a tensor of an input's dtype. For any number of threads."""

    def __init__(self, spec: Preprocessing, taken: TensorInfo, *, max_pixels: int) -> None:
        """`taken` is the model's input, `max_pixels` what an image may have."""
        self._spec = spec
        self._max_pixels = max_pixels
        self._table: Tensor | None = None
        if taken.dtype != np.float32:
            self._table = preprocessing.quantization_table(
                spec, taken.scale or 1.0, taken.zero_point, taken.dtype
            )
        # The usual case of a uint8 model: resized bytes are the tensor.
        self._passes_pixels = self._table is not None and preprocessing.is_identity(self._table)

    def of_images(
        self, images: Sequence[bytes], deadline: Deadline, first: int
    ) -> tuple[Tensor, list[Timing]]:
        """Encoded images as (n, h, w, c), and the time of each; `first` is the place of their
        first one in the request. Raises DeadlineExceeded, ClientGone, and ImageError with the
        `position` of its image."""
        prepared = []
        for position, image in enumerate(images, first):
            if position == 0:  # its client was there when it got its place, just now
                deadline.check_time()
            else:
                deadline.check()
            prepared.append(self._of_image(image, position))
        tensors = [tensor for tensor, _ in prepared]
        tensor = tensors[0] if len(tensors) == 1 else np.concatenate(tensors)
        return tensor, [own for _, own in prepared]

    def of_pixels(self, pixels: Pixels) -> tuple[Tensor, Timing]:
        """uint8 (h, w, 3) RGB as (1, h, w, c), and the time that took."""
        start = time.perf_counter()
        tensor = self.tensor(pixels)
        return tensor, Timing(preprocess=(time.perf_counter() - start) * 1e3)

    def of_picture(
        self, picture: bytes | Pixels, region: Region | None = None
    ) -> tuple[Tensor, Timing]:
        """An encoded or decoded picture, or a region of it. Raises ImageError."""
        if region is None and isinstance(picture, bytes):
            return self._of_image(picture, 0)
        start = time.perf_counter()
        if isinstance(picture, bytes):
            picture = decoding.decode(picture, max_pixels=self._max_pixels)
        decoded = time.perf_counter()
        tensor, own = self.of_pixels(picture if region is None else region.cut(picture))
        return tensor, own + Timing(decode=(decoded - start) * 1e3)

    def tensor(self, pixels: Pixels | Image.Image, reduced: int = 1) -> Tensor:
        """What preprocessing.decode() gives, as (1, h, w, c)."""
        return self.of_seen(preprocessing.resize(pixels, self._spec, reduced))

    def of_seen(self, seen: Pixels) -> Tensor:
        """What preprocessing.see() gives, uint8 (h, w, c), as (1, h, w, c)."""
        if self._passes_pixels:
            return np.ascontiguousarray(seen)[np.newaxis]
        if self._table is None:
            return preprocessing.normalize(seen, self._spec)
        return preprocessing.quantize(seen, self._table)

    def _of_image(self, image: bytes, position: int) -> tuple[Tensor, Timing]:
        """Only the tensor is kept, since decoded photos are large."""
        start = time.perf_counter()
        try:
            picture = preprocessing.decode(image, self._spec, max_pixels=self._max_pixels)
        except ImageError as error:
            error.position = position
            raise
        decoded = time.perf_counter()
        tensor = self.tensor(picture.pixels, picture.reduced)
        done = time.perf_counter()
        return tensor, Timing(decode=(decoded - start) * 1e3, preprocess=(done - decoded) * 1e3)
