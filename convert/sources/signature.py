"""One way to call a model, whatever it was saved as, and what has to be true of a classifier's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from convert.errors import UsageError
from convert.sources import layout
from convert.sources.layout import Layout

# Scalars that tell a TensorFlow 1 graph whether it trains, by parts of their names.
_TRAINING_NAMES: Final = ("train", "learning_phase")
# Of floating point, with fewer bits: what goes in or comes out is cast.
_HALF: Final = (tf.float16, tf.bfloat16)


@dataclass(frozen=True)
class Signature:
    """A function of named tensors that returns named tensors.

    `function(**tensors)` takes what `inputs` names and returns a dict with what `outputs` names;
    both map names to tf.TensorSpec. `trace` is the same, traced anew for the shape that it is
    given; None where it is only known as it was saved. `trackable` keeps the variables alive.
    `where` is what sentences call it by, `others` names the signatures that could be chosen.
    `training` is the name of a layer that is called with training=True.
    """

    name: str
    where: str
    function: Any
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    trackable: Any
    trace: Any = None
    others: tuple[str, ...] = ()
    training: str | None = None

    def instead(self) -> str:
        """What to do where this one does not fit."""
        if not self.others:
            return "Export the classifier alone."
        listed = ", ".join(self.others)
        return f"Choose another with --signature ({listed}), or export the classifier alone."


@dataclass(frozen=True)
class ImageInput:
    """The input that takes pictures. `batch` is None where it is free; so are height and width.

    `dtype` is "float32" or "uint8". `constants` are the values of the other inputs: False for
    every training switch.
    """

    name: str
    dtype: str
    batch: int | None
    layout: Layout
    constants: dict[str, Any] = field(default_factory=dict)


def describe(specs: dict[str, Any]) -> str:
    """Tensor specifications in words: image float32 (None, 224, 224, 3)."""
    texts = [f"{name} {spec.dtype.name} {spec.shape}" for name, spec in sorted(specs.items())]
    return "; ".join(texts) or "none"


def image_input(signature: Signature, wanted: tuple[int, int] | None) -> ImageInput:
    """The one image input. Raises UsageError where there is none, or several, or other inputs.

    `wanted` is the (height, width) that was asked for, which tells how a flat row is to be read.
    """
    constants = {
        name: tf.constant(value=False)
        for name, spec in signature.inputs.items()
        if _is_training_switch(name, spec)
    }
    inputs = {name: spec for name, spec in signature.inputs.items() if name not in constants}
    name, spec = next(iter(inputs.items()), ("", None))
    arranged = _layout(spec, wanted) if spec is not None and len(inputs) == 1 else None
    if spec is None or arranged is None:
        raise UsageError(
            f"{signature.where} does not take one image (float32 or uint8 "
            f"[batch, height, width, 1 or 3]); its inputs are: {describe(signature.inputs)}. "
            f"{_flat_advice(inputs, wanted) or signature.instead()}"
        )
    dtype = "uint8" if spec.dtype == tf.uint8 else "float32"
    return ImageInput(name, dtype, spec.shape[0], arranged, constants)


def _layout(spec: Any, wanted: tuple[int, int] | None) -> Layout | None:
    if spec.shape.rank in (None, 0) or spec.dtype not in (tf.float32, tf.uint8, *_HALF):
        return None
    found = layout.of(tuple(spec.shape[1:]), wanted)
    if found is None or spec.dtype not in _HALF:
        return found
    return replace(found, half=spec.dtype.name)


def _flat_advice(inputs: dict[str, Any], wanted: tuple[int, int] | None) -> str | None:
    """How to say what picture a flat row is, where it is the only input and could be one."""
    (spec, *further) = inputs.values() or (None,)
    if further or spec is None or spec.shape.rank != 2:
        return None
    if wanted is not None:
        return f"Its {spec.shape[1]} numbers are no picture of {wanted[1]}x{wanted[0]}."
    side = layout.flat_side(spec.shape[1] or 0)
    if side is None:
        return None
    return f"If its {spec.shape[1]} numbers are a picture, say which: --input-size {side}x{side}."


def class_output(signature: Signature) -> tuple[str, int]:
    """The name of the one output of class scores, and how many numbers it has: one for each class,
    or a single one for two classes. Raises UsageError."""
    outputs = signature.outputs
    fitting = [
        name
        for name, spec in outputs.items()
        if spec.shape.rank == 2 and spec.shape[1] is not None and spec.dtype in (tf.float32, *_HALF)
    ]
    if len(outputs) != 1 or len(fitting) != 1:
        raise UsageError(
            f"{signature.where} does not put out one score a class "
            f"(float32 [batch, classes]); its outputs are: {describe(outputs)}. "
            f"{signature.instead()}"
        )
    return fitting[0], int(outputs[fitting[0]].shape[1])


def size(path: Path, image: ImageInput, wanted: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width, where the model leaves them free the wanted ones. Raises UsageError."""
    own_height, own_width = image.layout.height, image.layout.width
    if wanted is None:
        if own_height is None or own_width is None:
            raise UsageError(
                f"{path} takes pictures of any size: choose the one it was trained with, "
                "for example --input-size 224x224 (width x height)."
            )
        return own_height, own_width
    for own, given, what in ((own_height, wanted[0], "height"), (own_width, wanted[1], "width")):
        if own not in (None, given):
            raise UsageError(f"{path} has a fixed {what} of {own}, not {given}: drop --input-size.")
    return wanted


def as_dict(outputs: Any) -> dict[str, Any]:
    """What a function returned, by name: its own names, or output_0, output_1, ..."""
    if isinstance(outputs, dict):
        return {str(name): value for name, value in outputs.items()}
    return {f"output_{i}": value for i, value in enumerate(tf.nest.flatten(outputs))}


def _is_training_switch(name: str, spec: Any) -> bool:
    named = any(part in name.lower() for part in _TRAINING_NAMES)
    return named and spec.dtype == tf.bool and spec.shape.rank == 0
