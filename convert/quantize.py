"""Recipe + source + calibration -> .tflite bytes, and proof that they are what was asked for."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convert import tflite_schema
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import BuildError, first_line
from convert.recipes import Recipe
from convert.source import Source


def convert(
    source: Source, recipe: Recipe, calibration: Calibration | None, console: Console
) -> bytes:
    """The bare .tflite for one image at a time.

    Raises BuildError where the converter fails, or what came out is not what the recipe says.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [source.single_image_function()], source.trackable
    )
    if recipe.integer_only:
        assert calibration is not None
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = calibration.representative_dataset(console)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.dtypes.as_dtype(recipe.input_dtype)
        converter.inference_output_type = tf.dtypes.as_dtype(recipe.output_dtype)
    try:
        data: Any = converter.convert()
    except Exception as error:
        instead = "try --recipe float32, or " if recipe.integer_only else ""
        raise BuildError(
            f"TensorFlow could not convert {source.path} to {recipe.name} "
            f"({first_line(error)}): an operator in it has no such form; "
            f"{instead}replace that layer."
        ) from error
    model = bytes(data)
    _check(model, recipe)
    return model


def _check(model: bytes, recipe: Recipe) -> None:
    """The converter falls back silently, so what came out is looked at."""
    graph = tflite_schema.describe(model)
    for kind, tensors, wanted in (
        ("input", graph.inputs, recipe.input_dtype),
        ("output", graph.outputs, recipe.output_dtype),
    ):
        if [tensor.dtype for tensor in tensors] != [wanted]:
            found = ", ".join(tensor.dtype for tensor in tensors)
            raise BuildError(
                f"The converter made a model with {kind} {found} where {recipe.name} means "
                f"{wanted}: convert with --recipe float32 to see whether the model itself is fine."
            )
    if graph.select_tf_operators:
        raise BuildError(
            f"The model needs TensorFlow's own operators ({', '.join(graph.select_tf_operators)}), "
            "which the device's runtime does not have: replace those layers."
        )
    if recipe.integer_only and graph.float_tensors:
        raise BuildError(
            f"{len(graph.float_tensors)} tensors stayed floating-point "
            f"(the first is {graph.float_tensors[0]}): a layer in the model has no int8 form; "
            "use --recipe float32."
        )
