"""The original model -> a float function with one image input, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from convert.errors import UsageError
from convert.sources import frozen_graph, keras_file, saved_model_file, signature, source_path
from edge_server.inference import output_kind
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import FloatTensor, Preprocessing

BATCH: Final = 16
# Of the largest score: far above what another order of additions does, far below what dropout
# and the statistics of another batch do.
_SAME: Final = 1e-2
# Chance may give the same answer twice, above all where few numbers drop out.
_REPEATS: Final = 4


@dataclass(frozen=True)
class Source:
    """The original model. `trackable` keeps its variables alive.

    `format` is "saved_model", "keras" or "h5"; `input_dtype` "float32" or "uint8"; `batch` what
    the model was fixed to, None where it is free; `numbers` how many it puts out for a picture.
    `function(**{input_name: tensor})` returns a dict with `output_name` in it; `constants` go to
    it as well.
    """

    path: Path
    format: str
    signature: str
    input_name: str
    input_dtype: str
    output_name: str
    height: int
    width: int
    channels: int
    numbers: int
    batch: int | None
    function: Any
    trackable: Any
    constants: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """A single number is about two classes."""
        return max(2, self.numbers)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file, or of the directory's files and their names."""
        return source_path.fingerprint(self.path)

    def predict(self, tensors: FloatTensor) -> FloatTensor:
        """float32 (n, height, width, channels) -> float32 (n, classes), as it puts them out;
        (n, 1) where a single number is about two classes.

        A model of uint8 takes pixels, whole numbers 0..255 in float32: UsageError for others.
        """
        if self.input_dtype != "float32" and not _are_pixels(tensors):
            raise self._wants_pixels()
        step = BATCH if self.batch is None else self.batch
        parts = [self._scores(tensors[i : i + step]) for i in range(0, len(tensors), step)]
        return np.concatenate(parts)

    def single_image_function(self) -> Any:
        """A concrete function for one image, float32 (1, height, width, channels) in whatever
        range the model takes, to {output_name: float32 (1, classes)}.

        A fixed batch makes a simpler graph. Of a model of uint8 the cast is left out, so that
        quantization reaches the input.
        Raises UsageError where the model can't take pictures of this size, or one at a time.
        """
        return self._single_image

    @cached_property
    def _single_image(self) -> Any:
        size = (self.height, self.width, self.channels)
        try:
            if self.input_dtype != "float32" or self.batch not in (None, 1):
                return frozen_graph.one_image(
                    self._call,
                    dtype=self.input_dtype,
                    batch=self.batch or 1,
                    size=size,
                    output=self.output_name,
                )
            image = tf.TensorSpec((1, *size), tf.float32, name=self.input_name)
            function = tf.function(
                lambda image: {self.output_name: self._call(image)}, input_signature=[image]
            )
            return function.get_concrete_function()
        except (ValueError, tf.errors.OpError) as error:
            raise self._does_not_work(error) from error

    @cached_property
    def ending(self) -> tuple[str, ...]:
        """The kinds of the last two operators, as output_kind calls them; the last one first."""
        return frozen_graph.ending(self._single_image)

    def output_kind(self, raw: FloatTensor) -> Output:
        """What the numbers (n, classes) or (n, 1) are that predict() gave."""
        found = output_kind.output_kind(raw)
        # The operators cost a second, and where numbers are below 0 or inside 0..1 say the same.
        open_to_doubt = raw.shape[1] == 1 or (raw.min() >= 0 and raw.max() > 1)
        return output_kind.output_kind(raw, self.ending) if open_to_doubt else found

    def _call(self, images: Any) -> Any:
        return self.function(**{self.input_name: images}, **self.constants)[self.output_name]

    def _scores(self, tensors: FloatTensor) -> FloatTensor:
        """One batch, filled up with its last picture where the model's is fixed."""
        missing = 0 if self.batch is None else self.batch - len(tensors)
        images = np.concatenate([tensors, np.repeat(tensors[-1:], missing, axis=0)])
        scores: FloatTensor = self._call(tf.constant(images, self.input_dtype)).numpy()
        return scores[: len(tensors)].astype(np.float32).reshape(len(tensors), -1)

    def check_preprocessing(self, spec: Preprocessing) -> None:
        """Raises UsageError where a model of uint8 would be given anything but pixels."""
        if self.input_dtype != "float32" and ({*spec.mean} != {0.0} or {*spec.std} != {1.0}):
            raise self._wants_pixels()

    def _wants_pixels(self) -> UsageError:
        return UsageError(
            f"{self.path} takes pixels as whole numbers 0..255 ({self.input_dtype}) and does the "
            "rest itself: use --preprocessing raw."
        )

    def _does_not_work(self, error: Exception) -> UsageError:
        if self.batch not in (None, 1):
            return UsageError(
                f"{self.path} takes exactly {self.batch} images at a time and can't be made to "
                f"take one ({_reason(error)}): export it with a free batch or a batch of 1."
            )
        return UsageError(
            f"{self.path} does not work on pictures of {self.width}x{self.height} "
            f"({_reason(error)}): give --input-size the size it was trained with."
        )

    def check(self) -> None:
        """Prove on made-up pictures that the single image function answers as the original.

        They come in both usual ranges, -1..1 and 0..255, for which one it expects is not known.
        Raises UsageError where it does not work on them, or an answer hangs on chance or on the
        pictures beside it, as it does in a graph that was saved while it trained.
        """
        pictures = _made_up(self.height, self.width, self.channels)
        if self.input_dtype == "float32":
            pictures = np.concatenate([pictures / np.float32(127.5) - 1, pictures])
        try:
            alone = np.concatenate(
                [self._single_image(tf.constant(p[None]))[self.output_name] for p in pictures]
            )
            together = [self.predict(pictures) for _ in range(_REPEATS)]
        except (ValueError, tf.errors.OpError) as error:
            raise self._does_not_work(error) from error
        largest = np.nan_to_num(np.abs(alone), nan=0, posinf=0).max(axis=1, keepdims=True)
        if all(
            np.isclose(answers, alone, rtol=0, atol=_SAME * largest, equal_nan=True).all()
            for answers in together
        ):
            return
        if self.batch not in (None, 1):
            raise self._does_not_work(ValueError("the answer hangs on the pictures beside it"))
        raise UsageError(
            f"{self.path} answers the same picture otherwise the next time, or beside another: it "
            "was saved in training mode (Keras's export() can do that where resizing, cropping or "
            "augmentation is part of the model). Save it with model.save('model.keras') and give "
            "that file."
        )


def load(
    path: Path, signature_name: str | None, input_size: tuple[int, int] | None = None
) -> Source:
    """Load a SavedModel, a .keras file or an .h5 file, and find its image input.

    `input_size` is (height, width) for a model that leaves them free.
    Raises UsageError where it can't be loaded, has no such signature, several to choose from, no
    single image input and class output, or does not work on pictures one at a time.
    """
    kind = source_path.format_of(path)
    loader = saved_model_file if kind == source_path.SAVED_MODEL else keras_file
    loaded = loader.load(path, signature_name)
    image = signature.image_input(loaded)
    height, width = signature.size(path, image, input_size)
    output, numbers = signature.class_output(loaded)
    source = Source(
        path=path,
        format=kind,
        signature=loaded.name,
        input_name=image.name,
        input_dtype=image.dtype,
        output_name=output,
        height=height,
        width=width,
        channels=image.channels,
        numbers=numbers,
        batch=image.batch,
        function=loaded.function,
        trackable=loaded.trackable,
        constants=image.constants,
    )
    source.check()
    if numbers == 1 and source.ending[:1] == (output_kind.SOFTMAX,):
        raise UsageError(
            f"{path} puts out the softmax of a single number, which is always 1: train it again "
            "with a sigmoid, or with two numbers."
        )
    return source


def _are_pixels(tensors: FloatTensor) -> bool:
    in_range = tensors.min(initial=0) >= 0 and tensors.max(initial=0) <= 255
    return bool(in_range and np.array_equal(tensors, np.rint(tensors)))


def _made_up(height: int, width: int, channels: int) -> FloatTensor:
    """Two pictures of noise, float32 (2, height, width, channels), whole numbers 0..255.

    One is reddish and the other bluish, both darker to the right: an answer that hangs on the
    other picture, or on a flip, then shows.
    """
    noise = np.random.default_rng(0).integers(0, 256, (2, height, width, channels))
    tints = np.stack([np.linspace(1, 0.25, channels), np.linspace(0.25, 1, channels)])
    shade = np.linspace(1, 0.25, width)[:, None]
    return np.rint(noise * tints[:, None, None] * shade).astype(np.float32)


def _reason(error: Exception) -> str:
    """The last line: where a function fails while it is traced, that line says why."""
    return str(error).strip().splitlines()[-1].strip()[:200].rstrip(".")
