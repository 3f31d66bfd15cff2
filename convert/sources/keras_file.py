"""A .keras or .h5 file -> the signature to convert, through the Keras that wrote it."""

from __future__ import annotations

import importlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tensorflow as tf

from convert.errors import UsageError, first_line
from convert.sources import source_path
from convert.sources.signature import Signature, as_dict

_KERAS_3: Final = "keras"
_KERAS_2: Final = "tf_keras"
# How both say that they don't know a class or function by its name.
_UNKNOWN: Final = re.compile(
    r"(?:Unknown (?:layer|object|\w+ function): |Could not locate (?:class|function) "
    r"|Cannot deserialize object of type )['`\"](\w+)['`\"]"
)
_OWN_MODULES: Final = frozenset(("builtins", "keras", "tensorflow", "tf_keras"))
_EXPORT: Final = "load it where it was made, and write a SavedModel with model.export()"


@dataclass(frozen=True)
class _Description:
    """What a file says of itself: its layers, and the version of the Keras that wrote it."""

    config: Any
    version: str


def load(path: Path, signature: str | None) -> Signature:
    """Load a Keras file; its one signature is the call of the model, not training.

    Raises UsageError where it holds no whole model, or one that needs the code it was made by.
    """
    if signature is not None:
        raise UsageError(f"{path} is a Keras file, which has no signatures: drop --signature.")
    description = _read(path)
    _check(path, description.config)
    model = _load(path, description)
    if not getattr(model, "inputs", None):
        raise UsageError(
            f"{path} does not say what its input is: build the model with a keras.Input "
            "first, and save it again."
        )
    return _signature(path, model)


def _read(path: Path) -> _Description:
    """Raises UsageError where the file is damaged or holds weights alone."""
    try:
        if source_path.format_of(path) == source_path.KERAS:
            with zipfile.ZipFile(path) as archive:
                version = json.loads(archive.read("metadata.json"))["keras_version"]
                return _Description(json.loads(archive.read("config.json")), str(version))
        with importlib.import_module("h5py").File(path, "r") as file:
            config, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path} can't be read as a Keras file ({first_line(error)}): save the model again."
        ) from error
    if config is None:
        raise UsageError(
            f"{path} holds weights and no model: load it into the model that it was made with, "
            "and save that with model.save('model.keras')."
        )
    return _Description(json.loads(config), _text(version))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _check(path: Path, config: Any) -> None:
    """Raises UsageError for a Lambda layer: its Python bytecode would be run as it comes."""
    for layer in _objects(config):
        if layer.get("class_name") == "Lambda":
            name = layer.get("config", {}).get("name", "lambda")
            raise UsageError(
                f"The layer '{name}' of {path} is a Lambda, Python code that is not run from a "
                f"file: {_EXPORT}."
            )


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every serialized object in a configuration, at any depth."""
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _is_foreign(layer: dict[str, Any]) -> bool:
    """Whether a .keras file says that an object's class is in a module of someone's own."""
    module = layer.get("module")
    return isinstance(module, str) and module.split(".")[0] not in _OWN_MODULES


def _load(path: Path, description: _Description) -> Any:
    """The model, by the Keras that wrote the file, else by the other. Raises UsageError."""
    # Keras 3 reads this when it is imported; another backend would make models of no use here.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    libraries = [_KERAS_3, _KERAS_2]
    if description.version.startswith(("0.", "1.", "2.")):
        libraries.reverse()
    errors = []
    for library in libraries:
        try:
            return importlib.import_module(library).models.load_model(str(path), compile=False)
        except Exception as error:
            errors.append(error)
    raise UsageError(_refusal(path, description, errors[0])) from errors[0]


def _refusal(path: Path, description: _Description, error: Exception) -> str:
    foreign = [o["class_name"] for o in _objects(description.config) if _is_foreign(o)]
    # The last: what stands before it is what it is part of.
    unknown = foreign[:1] or _UNKNOWN.findall(str(error))[-1:]
    if unknown:
        return (
            f"{path} needs '{unknown[0]}', code of its author's that is not in the file: {_EXPORT}."
        )
    written = f", which Keras {description.version} wrote," if description.version else ""
    return f"{path}{written} can't be loaded ({first_line(error)}): {_EXPORT}."


def _signature(path: Path, model: Any) -> Signature:
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
    )


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
