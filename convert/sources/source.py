"""The original model -> a float function with one image input, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from convert.errors import PicturesRefused, UsageError, first_line
from convert.sources import (
    archive,
    frozen_graph,
    keras_file,
    saved_model_file,
    signature,
    source_path,
)
from convert.sources.layout import Layout
from edge_server.inference import labels as label_files
from edge_server.inference import output_kind
from edge_server.inference.labels import LabelFile
from edge_server.inference.manifest import Output
from edge_server.inference.preprocessing import FloatTensor, Preprocessing

BATCH: Final = 16


@dataclass(frozen=True)
class Source:
    """The original model. `trackable` keeps its variables alive.

    `format` is "saved_model", "keras" or "h5"; `input_dtype` "float32" or "uint8"; `batch` what the
    model was fixed to, None where it is free; `free_size` whether it left height and width free.
    `numbers` is how many it puts out for a picture. `layout` is how it holds a picture.
    `function(**{input_name: tensor})` returns a dict with `output_name` in it; `constants` go to it
    as well. `trace` is the same for tracing anew, None where there is only the function. `training`
    is the name of a layer that is called with training=True. `label_file` is the content of the one
    that came in the same archive. `integer_forms` names operators that the function for one image
    computes by others, which have a form in integers.
    """

    path: Path
    format: str
    signature: str
    input_name: str
    input_dtype: str
    layout: Layout
    output_name: str
    height: int
    width: int
    channels: int
    numbers: int
    batch: int | None
    free_size: bool
    fingerprint: str
    function: Any
    trackable: Any
    trace: Any = None
    training: str | None = None
    label_file: bytes | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    integer_forms: frozenset[str] = frozenset()

    @property
    def labels(self) -> LabelFile | None:
        """The labels that came in the same archive. Raises SettingError where it holds others."""
        if self.label_file is None:
            return None
        return label_files.from_bytes(self.label_file, f"in {self.path}")

    @property
    def classes(self) -> int:
        """A single number is about two classes."""
        return max(2, self.numbers)

    def predict(self, tensors: FloatTensor) -> FloatTensor:
        """float32 (n, height, width, channels) -> float32 (n, classes), as it puts them out;
        (n, 1) where a single number is about two classes.

        A model of uint8 takes pixels, whole numbers 0..255 in float32: UsageError for others.
        Raises PicturesRefused where the graph itself does not take them.
        """
        if self.input_dtype == "uint8" and not _are_pixels(tensors):
            raise self._wants_pixels()
        step = BATCH if self.batch is None else self.batch
        parts = [self._scores(tensors[i : i + step]) for i in range(0, len(tensors), step)]
        return np.concatenate(parts)

    def single_image_function(self) -> Any:
        """A concrete function for one image, float32 (1, height, width, channels) in whatever
        range the model takes, to {output_name: float32 (1, classes)}.

        A fixed batch makes a simpler graph. Of a model of uint8 the cast is left out, so that
        quantization reaches the input; one of half precision computes in float32.
        Raises UsageError where the model can't take pictures of this size, or one at a time.
        """
        return self._single_image

    @cached_property
    def _single_image(self) -> Any:
        function = self._traced()
        if not self.integer_forms:
            return function
        return frozen_graph.with_integer_forms(function, self.integer_forms, self.output_name)

    def _traced(self) -> Any:
        size = (self.height, self.width, self.channels)
        try:
            if self.input_dtype == "float32" and self.batch in (None, 1):
                image = tf.TensorSpec((1, *size), tf.float32, name=self.input_name)
                function = tf.function(
                    lambda image: {self.output_name: self._call(image, self.trace)},
                    input_signature=[image],
                ).get_concrete_function()
                if not frozen_graph.is_needed(function):
                    return function
            return frozen_graph.one_image(
                lambda images: self._call(images, self.trace if self.batch is None else None),
                dtype=self.input_dtype,
                batch=self.batch or 1,
                size=size,
                output=self.output_name,
            )
        except Exception as error:
            raise self.does_not_work(error) from error

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

    @cached_property
    def half(self) -> bool:
        """Whether the original computes in float16 or bfloat16."""
        shape = (self.batch or 1, self.height, self.width, self.channels)
        spec = tf.TensorSpec(shape, self.input_dtype)
        function = tf.function(self._call, input_signature=[spec]).get_concrete_function()
        return frozen_graph.computes_in_half(function.graph.as_graph_def())

    def _call(self, images: Any, function: Any = None) -> Any:
        """Scores (n, classes), float32, of images (n, height, width, channels)."""
        arranged = {self.input_name: self.layout.arrange(images)}
        scores = (function or self.function)(**arranged, **self.constants)[self.output_name]
        return tf.cast(scores, tf.float32)

    def _scores(self, tensors: FloatTensor) -> FloatTensor:
        """One batch, filled up with its last picture where the model's is fixed."""
        missing = 0 if self.batch is None else self.batch - len(tensors)
        images = np.concatenate([tensors, np.repeat(tensors[-1:], missing, axis=0)])
        try:
            scores: FloatTensor = self._call(tf.cast(images, self.input_dtype)).numpy()
        except tf.errors.OpError as error:
            raise self.refuses(error, tensors) from error
        return scores[: len(tensors)].reshape(len(tensors), -1)

    def check_preprocessing(self, spec: Preprocessing) -> None:
        """Raises UsageError where a model of uint8 would be given anything but pixels."""
        if self.input_dtype == "uint8" and ({*spec.mean} != {0.0} or {*spec.std} != {1.0}):
            raise self._wants_pixels()

    def _wants_pixels(self) -> UsageError:
        return UsageError(
            f"{self.path} takes pixels as whole numbers 0..255 ({self.input_dtype}) and does the "
            "rest itself: use --preprocessing raw."
        )

    def does_not_work(self, error: Exception) -> UsageError:
        """A sentence on an error of TensorFlow's, with what can help."""
        if self.batch not in (None, 1):
            return UsageError(
                f"{self.path} takes exactly {self.batch} images at a time and can't be made to "
                f"take one ({first_line(error)}): export it with a free batch or a batch of 1."
            )
        size, reason = f"{self.width}x{self.height}", first_line(error)
        if self.free_size:
            return UsageError(
                f"{self.path} does not work on pictures of {size} ({reason}): give --input-size "
                "the size it was trained with."
            )
        return UsageError(
            f"{self.path} can't be made to take one picture of {size} in float32 ({reason}): "
            "export it so that it does."
        )

    def refuses(self, error: tf.errors.OpError, tensors: FloatTensor) -> UsageError:
        """A sentence on what TensorFlow said while the graph was run on pictures."""
        if not isinstance(error, tf.errors.InvalidArgumentError):
            return UsageError(
                f"{self.path} can't be run on this machine ({first_line(error)}): export it for a "
                "CPU, or convert it where it runs."
            )
        advice = "look at --preprocessing" + (" and --input-size" if self.free_size else "")
        return PicturesRefused(
            f"{self.path} refuses pictures with values from {tensors.min():.4g} to "
            f"{tensors.max():.4g} ({first_line(error)}): {advice}."
        )


def load(
    path: Path, signature_name: str | None, input_size: tuple[int, int] | None = None
) -> Source:
    """Load a SavedModel, a .keras file or an .h5 file, and find its image input.

    `input_size` is (height, width) for a model that leaves them free.
    Raises UsageError where it can't be loaded, has no such signature, several to choose from, no
    single image input and class output, or can't take one picture of its size.
    """
    with archive.opened(path) as inside:
        kind = source_path.format_of(inside.model)
        loader = saved_model_file if kind == source_path.SAVED_MODEL else keras_file
        loaded = loader.load(inside.model, signature_name)
        image = signature.image_input(loaded, input_size)
        height, width = signature.size(path, image, input_size)
        output, numbers = signature.class_output(loaded)
        label_file = None if inside.labels is None else inside.labels.read_bytes()
        fingerprint = source_path.fingerprint(inside.model)
    source = Source(
        path=path,
        format=kind,
        signature=loaded.name,
        input_name=image.name,
        input_dtype=image.dtype,
        layout=image.layout,
        output_name=output,
        height=height,
        width=width,
        channels=image.layout.channels,
        numbers=numbers,
        batch=image.batch,
        free_size=None in (image.layout.height, image.layout.width),
        fingerprint=fingerprint,
        function=loaded.function,
        trackable=loaded.trackable,
        trace=loaded.trace,
        training=loaded.training,
        label_file=label_file,
        constants=image.constants,
    )
    source.single_image_function()
    if numbers == 1 and source.ending[:1] == (output_kind.SOFTMAX,):
        raise UsageError(
            f"{path} puts out the softmax of a single number, which is always 1: train it again "
            "with a sigmoid, or with two numbers."
        )
    return source


def _are_pixels(tensors: FloatTensor) -> bool:
    in_range = tensors.min(initial=0) >= 0 and tensors.max(initial=0) <= 255
    return bool(in_range and np.array_equal(tensors, np.rint(tensors)))
