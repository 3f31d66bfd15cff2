"""A .keras or .h5 file -> the signature to convert, through the Keras that wrote it."""

from __future__ import annotations

import contextlib
import copy
import importlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from convert.errors import UsageError, first_line
from convert.sources import keras_config, source_path
from convert.sources.signature import Signature, as_dict

_KERAS_3: Final = "keras"
_KERAS_2: Final = "tf_keras"
_EXPORT: Final = "load it where it was made, and write a SavedModel with model.export()"
# What TensorFlow takes as the name of an operator; other backends take every name.
_SCOPE: Final = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


@dataclass(frozen=True)
class _Description:
    """What a file says of itself: its layers, and the version of the Keras that wrote it."""

    config: Any
    version: str

    @property
    def of_keras_2(self) -> bool:
        return self.version.startswith(("0.", "1.", "2."))


def load(path: Path, signature: str | None) -> Signature:
    """Load a Keras file; its one signature is the call of the model, not training.

    Raises UsageError where it holds no whole model, or one that needs the code it was made by.
    """
    if signature is not None:
        raise UsageError(f"{path} is a Keras file, which has no signatures: drop --signature.")
    # Keras 3 reads this when it is imported; another backend would make models of no use here.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    kind = source_path.format_of(path)
    try:
        description = _read(path, kind)
        _check(path, description.config)
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply to be a model: save it again.") from error
    model = _load(path, kind, description)
    if not getattr(model, "inputs", None):
        raise UsageError(
            f"{path} does not say what its input is: build the model with a keras.Input "
            "first, and save it again."
        )
    try:
        return _signature(path, model, keras_config.in_training(description.config))
    except Exception as error:
        raise UsageError(
            f"{path} can be loaded, but not run ({first_line(error)}): run it where it was made, "
            "and write a SavedModel there with model.export()."
        ) from error


def _read(path: Path, kind: str) -> _Description:
    """Raises UsageError where the file is damaged or holds weights alone."""
    try:
        if kind == source_path.KERAS:
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
                return _Description(json.loads(archive.read("config.json")), str(version))
        with importlib.import_module("h5py").File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
            if config is not None:
                return _Description(json.loads(config), _text(version))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} can't be read as a Keras file ({first_line(error)}): save the model again."
        ) from error
    raise UsageError(
        f"{path} holds weights and no model: load it into the model that it was made with, "
        "and save that with model.save('model.keras')."
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _check(path: Path, config: Any) -> None:
    """What is known before anything is built. Raises UsageError.

    The Python bytecode of a Lambda layer would be run as it comes.
    """
    layer = keras_config.first(config, "Lambda")
    if layer is not None:
        raise UsageError(
            f"The layer '{keras_config.name_of(layer)}' of {path} is a Lambda, Python code that "
            f"is not run from a file: {_EXPORT}."
        )
    layer = keras_config.first(config, "TFSMLayer")
    if layer is not None:
        raise UsageError(
            f"The layer '{keras_config.name_of(layer)}' of {path} only points to a SavedModel "
            f"({dict(layer['config']).get('filepath')}), which is not in the file: give that "
            "SavedModel's directory, or write one of the whole model with model.export()."
        )
    if keras_config.quantized(config):
        raise UsageError(
            f"{path} was quantized by Keras' own model.quantize(), whose layers have no form in a "
            ".tflite: give the model from before quantize(), and it is quantized here."
        )


@contextlib.contextmanager
def _named_for_keras(path: Path, kind: str) -> Iterator[Path]:
    """The file under a name that Keras knows its kind by."""
    with tempfile.TemporaryDirectory(prefix="edge-convert-") as folder:
        named = Path(folder) / f"model.{'keras' if kind == source_path.KERAS else 'h5'}"
        named.symlink_to(path.resolve())
        yield named


def _load(path: Path, kind: str, description: _Description) -> Any:
    """The model, by the Keras that wrote the file, else by the other. Raises UsageError."""
    libraries = [_KERAS_3, _KERAS_2]
    if description.of_keras_2:
        libraries.reverse()
    errors = []
    with _named_for_keras(path, kind) as file:
        for library in libraries:
            keras = importlib.import_module(library)
            try:
                if library == _KERAS_3 and kind == source_path.H5:
                    operations = _with_operations(description.config)
                    if operations is not None:
                        return _rebuilt(keras, operations, file)
                return keras.models.load_model(str(file), compile=False)
            except Exception as error:
                errors.append(error)
    raise UsageError(_refusal(path, description, errors[0])) from errors[0]


def _with_operations(config: Any) -> Any:
    """A configuration that says where Keras 3 has its operations, as that in a .keras file does.

    An .h5 does not say it, and Keras takes them for layers that it does not know. None where
    there are none. A layer says whether it is trainable, an operation does not.
    """
    operations = importlib.import_module("keras.src.ops")
    named, found = copy.deepcopy(config), False
    for layer in keras_config.objects(named):
        if "inbound_nodes" not in layer or "trainable" in (layer["config"] or ()):
            continue
        kind = getattr(operations, layer["class_name"], None)
        if isinstance(kind, type) and issubclass(kind, operations.Operation):
            layer |= {"module": kind.__module__, "registered_name": layer["class_name"]}
            found = True
    return named if found else None


def _rebuilt(keras: Any, config: Any, file: Path) -> Any:
    """The model of a configuration, with the weights that are in the file."""
    kind = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    model = kind.from_config(config["config"])
    model.load_weights(str(file))
    return model


def _refusal(path: Path, description: _Description, error: Exception) -> str:
    missing = keras_config.missing(description.config, str(error))
    if missing is not None:
        return f"{path} needs '{missing}', code of its author's that is not in the file: {_EXPORT}."
    written = f", which Keras {description.version} wrote," if description.version else ""
    return (
        f"{path}{written} can't be loaded ({first_line(error)}): if it can where it was made, "
        "write a SavedModel there with model.export()."
    )


def _signature(path: Path, model: Any, training: str | None) -> Signature:
    _rename(model)
    inputs: dict[str, Any] = {}
    for number, tensor in enumerate(model.inputs):
        name = _name(tensor.name, number, inputs)
        dtype = tf.dtypes.as_dtype(tensor.dtype)
        inputs[name] = tf.TensorSpec(tuple(tensor.shape), dtype, name=name)

    def call(**tensors: Any) -> dict[str, Any]:
        return as_dict(model(_arranged(model, list(tensors.values())), training=False))

    function = tf.function(call).get_concrete_function(**inputs)
    # The variables alone: saving the Keras model itself, as the converter would, takes long.
    trackable = tf.Module()
    trackable.captured = function.variables
    return Signature(
        name="__call__",
        where=str(path),
        function=function,
        inputs=inputs,
        outputs=function.structured_outputs,
        trackable=trackable,
        trace=call,
        training=training,
    )


def _rename(model: Any) -> None:
    """Give the layers names that TensorFlow can use, where another backend took any."""
    for number, layer in enumerate(model._flatten_layers()):
        if not _SCOPE.fullmatch(layer.name):
            layer.name = f"layer_{number}"


def _name(name: str, number: int, taken: dict[str, Any]) -> str:
    """A layer's name as a function's argument, where it can be one."""
    usable = name.isidentifier() and name not in taken
    return name if usable else f"input_{number}"


def _arranged(model: Any, tensors: list[Any]) -> Any:
    """Tensors in the structure that the model takes them in: alone, listed, or by name."""
    try:
        structure = model.input
    except (AttributeError, ValueError):  # a Sequential of Keras 3 that was never called
        return tensors[0] if len(tensors) == 1 else tensors
    return tf.nest.pack_sequence_as(structure, tensors)
