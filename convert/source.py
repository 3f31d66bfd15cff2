"""A SavedModel -> a float function with one image input, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf

from convert import saved_model
from convert.errors import UsageError, first_line
from edge_server.inference.preprocessing import FloatTensor

BATCH: Final = 16


@dataclass(frozen=True)
class Source:
    """The original model. `trackable` keeps its variables alive."""

    path: Path
    signature: str
    input_name: str
    output_name: str
    height: int
    width: int
    channels: int
    classes: int
    free_batch: bool
    function: Any
    trackable: Any

    def predict(self, tensors: FloatTensor) -> FloatTensor:
        """float32 (n, height, width, channels) -> float32 (n, classes), as it puts them out."""
        step = BATCH if self.free_batch else 1
        parts = [
            self.function(**{self.input_name: tf.constant(tensors[i : i + step])})[self.output_name]
            for i in range(0, len(tensors), step)
        ]
        scores: FloatTensor = np.concatenate([part.numpy() for part in parts]).astype(np.float32)
        return scores.reshape(len(tensors), self.classes)

    def single_image_function(self) -> Any:
        """A concrete function for one image: a fixed batch makes a simpler graph.

        Raises UsageError where the model can't take pictures of this size.
        """
        shape = (1, self.height, self.width, self.channels)

        def single_image(image: Any) -> dict[str, Any]:
            return {self.output_name: self.function(**{self.input_name: image})[self.output_name]}

        image = tf.TensorSpec(shape, tf.float32, name=self.input_name)
        try:
            return tf.function(single_image, input_signature=[image]).get_concrete_function()
        except (ValueError, tf.errors.OpError) as error:
            raise UsageError(
                f"{self.path} does not work on pictures of {self.width}x{self.height} "
                f"({_reason(error)}): give --input-size the size it was trained with."
            ) from error


def load(path: Path, signature: str | None, input_size: tuple[int, int] | None = None) -> Source:
    """Load a SavedModel and find its image input.

    `input_size` is (height, width) for a model that leaves them free.
    Raises UsageError where it can't be loaded, has no such signature, several to choose from, or
    no single image input and class output.
    """
    saved_model.check_path(path)
    try:
        model = tf.saved_model.load(str(path))
    except Exception as error:
        raise UsageError(
            f"{path} can't be loaded as a SavedModel ({first_line(error)}): save it again."
        ) from error
    name = _choose_signature(path, model, signature)
    function = model.signatures[name]
    inputs = function.structured_input_signature[1]
    image = _image_input(path, name, inputs)
    height, width = _size(path, inputs[image].shape, input_size)
    output, classes = _class_output(path, name, function.structured_outputs)
    return Source(
        path=path,
        signature=name,
        input_name=image,
        output_name=output,
        height=height,
        width=width,
        channels=int(inputs[image].shape[3]),
        classes=classes,
        free_batch=inputs[image].shape[0] is None,
        function=function,
        trackable=model,
    )


def _distinct_signatures(model: Any) -> list[str]:
    """The names of the signatures. Keras 3 exports one twice, as serve and serving_default."""
    names = set(model.signatures)
    if {"serve", "serving_default"} <= names:
        one, other = model.signatures["serve"], model.signatures["serving_default"]
        same = one.structured_input_signature == other.structured_input_signature
        if same and one.structured_outputs == other.structured_outputs:
            names.remove("serve")
    return sorted(names)


def _choose_signature(path: Path, model: Any, chosen: str | None) -> str:
    if not model.signatures:
        raise UsageError(
            f"{path} has no signatures: save the model with model.export(), "
            "or tf.saved_model.save(model, path, signatures=...)."
        )
    names = _distinct_signatures(model)
    listed = ", ".join(names)
    if chosen is not None:
        if chosen not in model.signatures:
            raise UsageError(f"{path} has no signature '{chosen}': choose one of {listed}.")
        return chosen
    if len(names) > 1:
        raise UsageError(f"{path} has several signatures ({listed}): choose one with --signature.")
    return names[0]


def _reason(error: Exception) -> str:
    """The last line: where a function fails while it is traced, that line says why."""
    return str(error).strip().splitlines()[-1].strip()[:200].rstrip(".")


def _describe(specs: dict[str, Any]) -> str:
    """Tensor specifications in words: image float32 (None, 224, 224, 3)."""
    texts = [f"{name} {spec.dtype.name} {spec.shape}" for name, spec in sorted(specs.items())]
    return "; ".join(texts) or "none"


def _image_input(path: Path, signature: str, inputs: dict[str, Any]) -> str:
    fitting = [
        name
        for name, spec in inputs.items()
        if spec.shape.rank == 4 and spec.shape[3] in (1, 3) and spec.dtype == tf.float32
    ]
    if len(inputs) != 1 or len(fitting) != 1:
        raise UsageError(
            f"The signature '{signature}' of {path} does not take one image "
            "(float32 [batch, height, width, 1 or 3]); its inputs are: "
            f"{_describe(inputs)}. Choose another with --signature or export the classifier alone."
        )
    batch = inputs[fitting[0]].shape[0]
    if batch not in (None, 1):
        raise UsageError(
            f"The signature '{signature}' of {path} takes exactly {batch} images at a time: "
            "export it with a free batch or a batch of 1."
        )
    return fitting[0]


def _size(path: Path, shape: Any, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width, where the model leaves them free the wanted ones."""
    if wanted is None:
        if shape[1] is None or shape[2] is None:
            raise UsageError(
                f"{path} takes pictures of any size: choose the one it was trained with, "
                "for example --input-size 224x224 (width x height)."
            )
        return int(shape[1]), int(shape[2])
    for own, given, what in ((shape[1], wanted[0], "height"), (shape[2], wanted[1], "width")):
        if own not in (None, given):
            raise UsageError(f"{path} has a fixed {what} of {own}, not {given}: drop --input-size.")
    return wanted


def _class_output(path: Path, signature: str, outputs: dict[str, Any]) -> tuple[str, int]:
    fitting = [
        name
        for name, spec in outputs.items()
        if spec.shape.rank == 2 and spec.shape[1] is not None and spec.dtype == tf.float32
    ]
    if len(outputs) != 1 or len(fitting) != 1:
        raise UsageError(
            f"The signature '{signature}' of {path} does not put out one score a class "
            f"(float32 [batch, classes]); its outputs are: {_describe(outputs)}. "
            "Choose another with --signature or export the classifier alone."
        )
    classes = int(outputs[fitting[0]].shape[1])
    if classes < 2:
        # Its best class would always be the only one: validation would pass whatever came out.
        raise UsageError(
            f"{path} puts out a single number, not a score for each class: export it with two, "
            "for example tf.concat([1 - p, p], axis=1) for a sigmoid p."
        )
    return fitting[0], classes
