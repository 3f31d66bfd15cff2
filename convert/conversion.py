"""A SavedModel -> a .tflite by TensorFlow's converter, which may crash: see converter_process.

Runs in the process of converter_child; requests and answers are described there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from convert import memory
from convert.recipes import Recipe
from edge_server.inference import preprocessing
from edge_server.inference.preprocessing import FloatTensor, Preprocessing

Message: TypeAlias = dict[str, Any]
Say: TypeAlias = Callable[[Message], None]


def convert(request: Message, say: Say) -> Message:
    """Write the .tflite. Raises what the converter raises."""
    Path(request["model"]).write_bytes(_converted(request, say))
    return {"peak_memory_mb": memory.peak_megabytes()}


def find_infinite(request: Message, say: Say) -> Message:
    """The first tensor of the model with a number that is not finite, and the calibration photo
    that it comes from. Raises what the converter and the interpreter raise."""
    interpreter = tf.lite.Interpreter(
        model_content=_converted(request, say),
        experimental_preserve_all_tensors=True,
        # A delegate computes what lies between its ends where nobody can look.
        experimental_op_resolver_type=(
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
    )
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    floats = [t for t in interpreter.get_tensor_details() if t["dtype"] == np.float32]
    for number, picture in enumerate(_tensors(request)):
        interpreter.set_tensor(taken["index"], picture)
        interpreter.invoke()
        for tensor in floats:
            with suppress(ValueError):  # it belongs to another subgraph, or has no values
                if not np.isfinite(interpreter.get_tensor(tensor["index"])).all():
                    return {"infinite": {"tensor": str(tensor["name"]), "picture": number}}
        say({"done": number + 1})
    return {"infinite": None}


def describe(error: Exception) -> Message:
    """An error as data: its type, its text, and the operators that a ConverterError reports, by
    their code; they are called Erf, not tf.Erf."""
    operators: dict[str, set[str]] = {}
    for report in getattr(error, "errors", ()):
        code = type(report).ErrorCode.Name(report.error_code)
        operators.setdefault(code, set()).add(report.operator.name.removeprefix("tf."))
    return {
        "type": type(error).__name__,
        "text": str(error),
        "operators": {code: sorted(names - {""}) for code, names in operators.items()},
    }


def _converted(request: Message, say: Say) -> bytes:
    recipe = Recipe(**request["recipe"])
    converter = tf.lite.TFLiteConverter.from_saved_model(request["saved_model"])
    _configure(converter, recipe)
    if recipe.needs_calibration:

        def dataset() -> Iterator[list[FloatTensor]]:
            for number, tensor in enumerate(_tensors(request)):
                yield [tensor]
                say({"done": number + 1})

        converter.representative_dataset = dataset
    if request["select_tf"]:
        converter.target_spec.supported_ops = [
            *converter.target_spec.supported_ops,
            tf.lite.OpsSet.SELECT_TF_OPS,
        ]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = request[
        "per_tensor_dense"
    ]
    return bytes(converter.convert())


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


def _tensors(request: Message) -> Iterator[FloatTensor]:
    """The calibration photos, float32 (1, height, width, channels)."""
    spec = Preprocessing.from_json(request["preprocessing"])
    for picture in np.load(request["pictures"], mmap_mode="r"):
        yield preprocessing.normalize(picture, spec)
