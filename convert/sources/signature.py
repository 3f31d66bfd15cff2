"""One way to call a model, whatever it was saved as, and what has to be true of a classifier's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from convert.errors import UsageError

# Scalars that tell a TensorFlow 1 graph whether it trains, by parts of their names.
_TRAINING_NAMES: Final = ("train", "learning_phase")


@dataclass(frozen=True)
class Signature:
    """A function of named tensors that returns named tensors.

    `function(**tensors)` takes what `inputs` names and returns a dict with what `outputs` names;
    both map names to tf.TensorSpec. `trackable` keeps the variables alive. `where` is what
    sentences call it by.
    """

    name: str
    where: str
    function: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    trackable: Any


@dataclass(frozen=True)
class ImageInput:
    """The input that takes pictures. `batch` is None where it is free; so are height and width.

    `constants` are the values of the other inputs: False for every training switch.
    """

    name: str
    dtype: str
    batch: int | None
    height: int | None
    width: int | None
    channels: int
    constants: dict[str, Any] = field(default_factory=dict)


def describe(specs: dict[str, Any]) -> str:
    """Tensor specifications in words: image float32 (None, 224, 224, 3)."""
    texts = [f"{name} {spec.dtype.name} {spec.shape}" for name, spec in sorted(specs.items())]
    return "; ".join(texts) or "none"


def image_input(signature: Signature) -> ImageInput:
    """The one image input. Raises UsageError where there is none, or several, or other inputs."""
    constants = {
        name: tf.constant(value=False)
        for name, spec in signature.inputs.items()
        if _is_training_switch(name, spec)
    }
    inputs = {name: spec for name, spec in signature.inputs.items() if name not in constants}
    images = [name for name, spec in inputs.items() if _is_image(spec)]
    if len(inputs) != 1 or len(images) != 1:
        raise UsageError(
            f"{signature.where} does not take one image (float32 or uint8 "
            f"[batch, height, width, 1 or 3]); its inputs are: {describe(signature.inputs)}. "
            "Choose another with --signature or export the classifier alone."
        )
    spec = inputs[images[0]]
    batch, height, width, channels = spec.shape.as_list()
    return ImageInput(images[0], spec.dtype.name, batch, height, width, channels, constants)


def class_output(signature: Signature) -> tuple[str, int]:
    """The name of the one output of class scores, and how many numbers it has: one for each class,
    or a single one for two classes. Raises UsageError."""
    outputs = signature.outputs
    fitting = [
        name
        for name, spec in outputs.items()
        if spec.shape.rank == 2 and spec.shape[1] is not None and spec.dtype == tf.float32
    ]
    if len(outputs) != 1 or len(fitting) != 1:
        raise UsageError(
            f"{signature.where} does not put out one score a class "
            f"(float32 [batch, classes]); its outputs are: {describe(outputs)}. "
            "Choose another with --signature or export the classifier alone."
        )
    return fitting[0], int(outputs[fitting[0]].shape[1])


def size(path: Path, image: ImageInput, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width, where the model leaves them free the wanted ones. Raises UsageError."""
    if wanted is None:
        if image.height is None or image.width is None:
            raise UsageError(
                f"{path} takes pictures of any size: choose the one it was trained with, "
                "for example --input-size 224x224 (width x height)."
            )
        return image.height, image.width
    for own, given, what in (
        (image.height, wanted[0], "height"),
        (image.width, wanted[1], "width"),
    ):
        if own not in (None, given):
            raise UsageError(f"{path} has a fixed {what} of {own}, not {given}: drop --input-size.")
    return wanted


def as_dict(outputs: Any) -> dict[str, Any]:
    """What a function returned, by name: its own names, or output_0, output_1, ..."""
    if isinstance(outputs, dict):
        return {str(name): value for name, value in outputs.items()}
    return {f"output_{i}": value for i, value in enumerate(tf.nest.flatten(outputs))}


def _is_image(spec: Any) -> bool:
    return spec.shape.rank == 4 and spec.shape[3] in (1, 3) and spec.dtype in (tf.float32, tf.uint8)


def _is_training_switch(name: str, spec: Any) -> bool:
    named = any(part in name.lower() for part in _TRAINING_NAMES)
    return named and spec.dtype == tf.bool and spec.shape.rank == 0
