"""What is in a .keras or .h5 file of Keras, read from its configuration without TensorFlow."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from convert.errors import UsageError
from convert.inspecting import inspection_guess
from convert.inspecting.inspection_tracing import Affine, Trace
from convert.sources import source_path

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Layers that only shape a picture, or do nothing when the model is used.
_PASSED: Final = frozenset(("InputLayer", "CenterCrop", "Cast", "Activation", "Dropout"))
_RANDOM: Final = "Random"
# Arithmetic between layers: as Keras 3 calls its operations, as Keras 2 calls TensorFlow's.
_OPERATIONS: Final = {
    "Multiply": "Mul",
    "Subtract": "Sub",
    "Add": "Add",
    "TrueDivide": "RealDiv",
    "math.multiply": "Mul",
    "math.subtract": "Sub",
    "math.truediv": "RealDiv",
    "math.divide": "RealDiv",
    "__operators__.add": "Add",
}
_UNREADABLE: Final = (
    OSError,
    AttributeError,
    LookupError,
    ValueError,
    TypeError,
    RuntimeError,
    zipfile.BadZipFile,
)


def document(path: Path, kind: str) -> dict[str, Any]:
    """All of it for people and machines; `kind` is "keras" or "h5".

    Raises UsageError where it is damaged or holds weights alone.
    """
    try:
        config, versions, parameters = _read_zip(path) if kind == "keras" else _read_h5(path)
        layers = list(_flat(config))
        guess = _guess(path, config, layers)
        return {
            "kind": kind,
            "path": str(path),
            "size_bytes": path.stat().st_size,
            "fingerprint": source_path.fingerprint(path),
            "written_by": versions,
            "name": config["config"].get("name"),
            "variables": parameters[0],
            "parameters": parameters[1],
            "signatures": [
                {
                    "name": "__call__",
                    "inputs": _inputs(config),
                    "outputs": _outputs(config),
                    "operators": [
                        {"name": name, "count": count}
                        for name, count in Counter(
                            layer["class_name"] for layer in layers
                        ).most_common()
                        if name != "InputLayer"
                    ],
                    "preprocessing_guess": guess,
                }
            ],
            "build_needs": _build_needs(config),
        }
    except _UNREADABLE as error:
        raise UsageError(
            f"{path} can't be read as a Keras model ({type(error).__name__}): copy it again, or "
            "save it again with model.save()."
        ) from error


def _read_zip(path: Path) -> tuple[dict[str, Any], dict[str, Any], tuple[int, int]]:
    """Configuration, versions, and how many variables and numbers in them a .keras file holds."""
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(_CONFIG))
        metadata = json.loads(archive.read(_METADATA))
        weights = _weights(io.BytesIO(archive.read(_WEIGHTS)), "")
    return config, {"tensorflow": None, "keras": metadata.get("keras_version")}, weights


def _read_h5(path: Path) -> tuple[dict[str, Any], dict[str, Any], tuple[int, int]]:
    """The same for an .h5 file."""
    with _h5py().File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise UsageError(
                f"{path} holds weights without the model: save the whole of it with model.save()."
            )
        config = json.loads(_text(file.attrs["model_config"]))
        version = _text(file.attrs.get("keras_version", "")) or None
    versions = {"tensorflow": None, "keras": version}
    return config, versions, _weights(path, "model_weights")


def _h5py() -> Any:
    # It comes with TensorFlow; other files do without it.
    return importlib.import_module("h5py")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _weights(file: Any, group: str) -> tuple[int, int]:
    h5py = _h5py()
    sizes: list[int] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(int(item.size))

    with h5py.File(file, "r") as weights:
        (weights[group] if group else weights).visititems(visit)
    return len(sizes), sum(sizes)


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers of a model's configuration, empty for a layer's."""
    inner = config.get("config")
    # Early Keras 2 wrote a Sequential as a bare list.
    if isinstance(inner, list):
        return inner
    return list(inner.get("layers", ())) if isinstance(inner, dict) else []


def _flat(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All layers, those of models inside the model too, in their order."""
    for layer in _layers(config):
        if _layers(layer):
            yield from _flat(layer)
        else:
            yield layer


def _inputs(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The inputs: of a functional model all, of a Sequential the one of its first layer."""
    layers = _layers(config)
    own = [layer for layer in layers if layer["class_name"] == "InputLayer"]
    if not own and layers:
        first = layers[0]
        if _layers(first):
            return _inputs(first)
        own = [first]
    return [
        {
            "name": str(inner.get("name")),
            "dtype": _dtype(inner.get("dtype")),
            "shape": _shape(inner),
        }
        for inner in (layer["config"] for layer in own)
    ]


def _shape(inner: dict[str, Any]) -> list[int | None] | None:
    shape = inner.get("batch_shape") or inner.get("batch_input_shape")
    return list(shape) if shape else None


def _dtype(value: Any) -> str:
    if isinstance(value, dict):  # a policy of Keras 3
        value = value.get("config", {}).get("name")
    return str(value or "float32")


def _outputs(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers that give the answer; their shape where they are dense ones."""
    layers = _layers(config)
    named = config["config"].get("output_layers") if isinstance(config["config"], dict) else None
    if named and isinstance(named[0], str):  # Keras 3 writes a single one without a list
        named = [named]
    last = [next(la for la in layers if la["config"]["name"] == n[0]) for n in named or ()]
    outputs: list[dict[str, Any]] = []
    for layer in last or layers[-1:]:
        if _layers(layer):
            outputs += _outputs(layer)
            continue
        units = layer["config"].get("units")
        outputs.append(
            {
                "name": str(layer["config"].get("name")),
                "dtype": "float32",
                "shape": None if units is None else [None, int(units)],
                "activation": layer["config"].get("activation"),
            }
        )
    return outputs


def _guess(
    path: Path, config: dict[str, Any], layers: list[dict[str, Any]]
) -> dict[str, Any] | None:
    inputs = _inputs(config)
    shape = inputs[0]["shape"] if len(inputs) == 1 else None
    if not shape or len(shape) != 4:
        return None
    names = [path.stem, *_names(config)]
    return inspection_guess.guess(inputs[0]["dtype"], _trace(layers), names).to_json()


def _names(config: dict[str, Any]) -> Iterator[str]:
    """The names of the model, of those inside it, and of all layers."""
    if isinstance(config.get("config"), dict):
        yield str(config["config"].get("name", ""))
    for layer in _layers(config):
        yield from _names(layer)


def _trace(layers: list[dict[str, Any]]) -> Trace:
    """What the first layers do to a picture."""
    trace = Trace()
    for layer in layers:
        name, inner = str(layer["class_name"]), layer["config"]
        if name in _PASSED or name.startswith(_RANDOM):
            continue
        if name == "Resizing":
            trace.resizes = True
            continue
        try:
            trace.affine = _affine(trace.affine, layer, name, inner)
        except (ValueError, TypeError, KeyError, IndexError):
            trace.first_layer = name
            break
    return trace


def _affine(before: Affine, layer: dict[str, Any], name: str, inner: dict[str, Any]) -> Affine:
    """One more step. Raises ValueError or the like where the layer is no arithmetic."""
    if name == "Rescaling":
        scaled = before.then("Mul", _numbers(inner["scale"]), swapped=False)
        return scaled.then("Add", _numbers(inner.get("offset", 0.0)), swapped=False)
    if name == "Normalization":
        deviation = tuple(v**0.5 for v in _numbers(inner["variance"]))
        centred = before.then("Sub", _numbers(inner["mean"]), swapped=False)
        return centred.then("RealDiv", deviation, swapped=False)
    if name == "TFOpLambda":
        number = layer["inbound_nodes"][0][3]["y"]
        return before.then(_OPERATIONS[inner["function"]], _numbers(number), swapped=False)
    number = layer["inbound_nodes"][0]["args"][1]
    return before.then(_OPERATIONS[name], _numbers(number), swapped=False)


def _numbers(value: Any) -> tuple[float, ...]:
    """A number or a nested list of them, flat. Raises TypeError for anything else."""
    if isinstance(value, (list, tuple)):
        return tuple(number for item in value for number in _numbers(item))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("no number")
    return (float(value),)


def _build_needs(config: dict[str, Any]) -> list[str]:
    """Options that `build` can't do without for this model."""
    shapes = [tensor["shape"] for tensor in _inputs(config)]
    free = any(shape and len(shape) == 4 and None in shape[1:3] for shape in shapes)
    return ["--input-size"] if free else []
