"""Recipe + source + calibration -> .tflite bytes, and proof that they are what was asked for."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convert import conversion_checks
from convert.calibration import Calibration
from convert.console import Console
from convert.errors import BuildError, first_line
from convert.recipes import Recipe
from convert.sources.source import Source


def convert(
    source: Source,
    recipe: Recipe,
    calibration: Calibration | None,
    console: Console,
    *,
    allow_select_tf: frozenset[str] = frozenset(),
    per_tensor_dense: bool = False,
) -> bytes:
    """The bare .tflite for one image at a time.

    `allow_select_tf` names TensorFlow operators that may stay in it, as Erf or FlexErf, for a
    device whose runtime was built with them. `per_tensor_dense` gives all weights of a dense
    layer one scale, which older runtimes need in `dynamic`. Raises BuildError where the converter
    fails, or what came out is not what the recipe says.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [source.single_image_function()], source.trackable
    )
    _configure(converter, recipe)
    if recipe.needs_calibration:
        assert calibration is not None
        converter.representative_dataset = calibration.representative_dataset(console)
    if allow_select_tf:
        converter.target_spec.supported_ops = [
            *converter.target_spec.supported_ops,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = per_tensor_dense
    try:
        data: Any = converter.convert()
    except Exception as error:
        raise _failure(source, recipe, error, allow_select_tf) from error
    model = bytes(data)
    conversion_checks.check(model, recipe, allow_select_tf)
    return model


def _configure(converter: Any, recipe: Recipe) -> None:
    """What the recipe means in the converter's terms."""
    if recipe.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.integer_only:
        sets = tf.lite.OpsSet
        converter.target_spec.supported_ops = [
            sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            if recipe.activations == "int16"
            else sets.TFLITE_BUILTINS_INT8
        ]
        converter.inference_input_type = tf.dtypes.as_dtype(recipe.input_dtype)
        converter.inference_output_type = tf.dtypes.as_dtype(recipe.output_dtype)


def _failure(
    source: Source, recipe: Recipe, error: Exception, allowed: frozenset[str]
) -> BuildError:
    """What the converter did not like, with the operators' names where it gives them."""
    select_tf = _operators(error, "ERROR_NEEDS_FLEX_OPS")
    without_form = _operators(error, "ERROR_NEEDS_CUSTOM_OPS")
    if without_form:
        return BuildError(
            f"TensorFlow could not convert {source.path}: its operators {', '.join(without_form)} "
            "have no form in a .tflite at all; replace those layers."
        )
    try:
        conversion_checks.check_select_tf(select_tf, allowed)
    except BuildError as refusal:
        return refusal
    instead = "try --recipe float32, or " if recipe.weights != "float32" else ""
    return BuildError(
        f"TensorFlow could not convert {source.path} to {recipe.name} ({first_line(error)}): "
        f"an operator in it has no such form; {instead}replace that layer."
    )


def _operators(error: Exception, code: str) -> list[str]:
    """The operators that a ConverterError reports with this code: Erf, not tf.Erf."""
    reports = getattr(error, "errors", ())
    names = {
        report.operator.name.removeprefix("tf.")
        for report in reports
        if type(report).ErrorCode.Name(report.error_code) == code
    }
    return sorted(names - {""})
