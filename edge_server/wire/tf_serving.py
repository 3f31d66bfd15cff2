"""TensorFlow Serving's REST documents, and the few words that KServe's protocol v1 adds.

Source: tensorflow_serving/g3doc/api_rest.md and util/json_tensor.cc. Numbers are those of the
original model's signature, whatever the file's own type is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edge_server.asking import Pictures
from edge_server.errors import BadRequest
from edge_server.inference.classification import Classification
from edge_server.inference.preprocessing import FloatTensor, Tensor
from edge_server.inference.served import ServedModel
from edge_server.repository import State, VersionStatus
from edge_server.wire.tf_serving_shapes import (
    ClassesAnswer,
    ColumnsAnswer,
    ModelStatus,
    RowsAnswer,
    ServingMetadata,
    SignatureDefinition,
    TensorInfo,
)
from edge_server.wire.values import (
    ONE_TENSOR,
    Scores,
    decode_base64,
    load_json,
    to_json_numbers,
)

_NAME: Final = "serving_default"


@dataclass(frozen=True)
class PredictRequest:
    """What :predict is asked about, in rows ("instances") or in columns ("inputs")."""

    pictures: Pictures
    columns: bool


def parse_predict(body: bytes, signature: str) -> PredictRequest:
    """Read a request of :predict; `signature` is the name of the model's. Raises BadRequest."""
    with ONE_TENSOR:
        document = _load(body, signature)
        if "instances" in document and "inputs" in document:
            raise BadRequest(
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to "
                "exist."
            )
        if "instances" in document:
            rows = document["instances"]
            if not isinstance(rows, list):
                raise BadRequest("Expecting 'instances' to be a list/array.")
            if not rows:
                raise BadRequest("No values in 'instances' array: send at least one.")
            if any(isinstance(row, dict) for row in rows):
                rows = [_unnamed(row, "an element of 'instances' list") for row in rows]
            return PredictRequest(_pictures(rows, "instances"), columns=False)
        if "inputs" in document:
            value = _unnamed(document["inputs"], "'inputs'")
            return PredictRequest(
                _pictures([value] if _is_binary(value) else value, "inputs"), True
            )
        raise BadRequest(
            "Missing 'inputs' or 'instances' key: send "
            '{"instances": [{"b64": "<base64 of an image file>"}]}, or a tensor.'
        )


def parse_classify(body: bytes, signature: str) -> tuple[bytes, ...]:
    """The images of a request of :classify, one of each example. Raises BadRequest."""
    document = _load(body, signature)
    examples = document.get("examples")
    if not isinstance(examples, list) or not examples:
        raise BadRequest(
            "When method is classify, key 'examples' is expected to be a list/array: send "
            '{"examples": [{"image": {"b64": "<base64 of an image file>"}}]}.'
        )
    return tuple(_image(example, f"examples[{n}]") for n, example in enumerate(examples))


def _load(body: bytes, signature: str) -> dict[str, Any]:
    if not body:
        raise BadRequest("JSON Parse error: The document is empty.")
    document = load_json(body, "JSON Parse error: the body is not valid JSON.")
    if not isinstance(document, dict):
        raise BadRequest(f"JSON Value of type {_kind(document)} Is not object.")
    name = document.get("signature_name", _NAME)
    if not isinstance(name, str):
        raise BadRequest("'signature_name' key must be a string value.")
    if name not in ("", _NAME, signature):
        raise BadRequest(
            f'Serving signature name: "{name[:40]}" not found in signature def: use "{signature}", '
            "or leave it out."
        )
    return document


def _image(example: Any, name: str) -> bytes:
    """The one binary feature of an example; others, such as a caption, are let be."""
    if not isinstance(example, dict):
        raise BadRequest(f"Example must be JSON object but got JSON {_kind(example)}: {name}.")
    features = [
        value[0] if value and isinstance(value, list) else value for value in example.values()
    ]
    images = [value for value in features if _is_binary(value)]
    if len(images) != 1:
        raise BadRequest(
            f'{name} has {len(images)} binary features: send one, {{"image": {{"b64": "..."}}}}.'
        )
    return decode_base64(images[0]["b64"], name)


def _is_binary(value: Any) -> bool:
    return isinstance(value, dict) and list(value) == ["b64"]


def _unnamed(value: Any, where: str) -> Any:
    """A value without its input's name: there is one input, so that any name means it."""
    if not isinstance(value, dict) or _is_binary(value):
        return value
    if len(value) != 1:
        raise BadRequest(
            f"Failed to process {where}. JSON object: keys must be equal to the name of the one "
            f"input, but there are {len(value)}."
        )
    return next(iter(value.values()))


def _pictures(values: Any, name: str) -> Pictures:
    if isinstance(values, list) and values and _is_binary(values[0]):
        for number, value in enumerate(values):
            if not _is_binary(value):
                raise BadRequest(
                    f"{name}[{number}] is no image, but {name}[0] is: send images or a tensor."
                )
        return tuple(decode_base64(v["b64"], f"{name}[{n}]") for n, v in enumerate(values))
    return _tensor(values)


def _tensor(values: Any) -> Tensor:
    """Nested lists of numbers as float32."""
    try:
        array = np.array(values)
    except (ValueError, OverflowError):
        array = np.array(None)
    if array.dtype.kind not in "iuf":
        raise BadRequest(
            _trouble(values, 0, _shape(values)) or "The tensor has too large a number."
        )
    with np.errstate(over="ignore"):
        return array.astype(np.float32)


def _shape(values: Any) -> tuple[int, ...]:
    """The shape that the first element of each level promises."""
    shape: list[int] = []
    while isinstance(values, list) and len(shape) <= 64:
        shape.append(len(values))
        if not values:
            break
        values = values[0]
    return tuple(shape)


def _trouble(value: Any, level: int, shape: tuple[int, ...]) -> str | None:
    """What keeps nested lists from being a tensor of that shape, in TensorFlow Serving's words."""
    if not isinstance(value, list):
        if level != len(shape):
            return (
                f"JSON Value of type {_kind(value)} found at incorrect level: {level + 1} in the "
                f"JSON DOM. Expected at level: {len(shape)}."
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            text = 'send {"b64": ...} in its place' if isinstance(value, str) else "send numbers"
            return (
                f"JSON Value: {str(value)[:40]} Type: {_kind(value)} is not of expected type: "
                f"float: {text}."
            )
        return None
    if level >= len(shape):
        return f"Encountered list at unexpected level: {level} expected < {len(shape)}."
    if len(value) != shape[level]:
        return (
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}."
        )
    found = (_trouble(element, level + 1, shape) for element in value)
    return next((trouble for trouble in found if trouble), None)


def _kind(value: Any) -> str:
    """A value's type as TensorFlow Serving calls it."""
    kinds = {dict: "Object", list: "Array", str: "String", type(None): "Null"}
    return kinds.get(type(value), str(value) if isinstance(value, bool) else "Number")


def predictions(values: FloatTensor, *, columns: bool) -> RowsAnswer | ColumnsAnswer:
    """The answer of :predict: of each picture, what the model puts out."""
    numbers: list[Scores] = to_json_numbers(values)
    return {"outputs": numbers} if columns else {"predictions": numbers}


def classes(results: Sequence[Classification]) -> ClassesAnswer:
    """The answer of :classify: of each image, label and score, best first.

    The documentation calls the key `result`, the server writes `results`: clients of both exist.
    """
    answers = [
        [
            (prediction.label, score)
            for prediction, score in zip(
                result.top,
                to_json_numbers(np.array([p.confidence for p in result.top], np.float32)),
                strict=True,
            )
        ]
        for result in results
    ]
    return {"results": answers, "result": answers}


def status(name: str, versions: Iterable[VersionStatus]) -> ModelStatus:
    """The state of a model's versions; `name` and `ready` are KServe's."""
    versions = list(versions)
    return {
        "model_version_status": [
            {
                "version": version.version,
                "state": version.state.value,
                "status": {
                    "error_code": "UNKNOWN" if version.reason else "OK",
                    "error_message": version.reason,
                },
            }
            for version in versions
        ],
        "name": name,
        "ready": any(version.state is State.AVAILABLE for version in versions),
    }


def metadata(model: ServedModel) -> ServingMetadata:
    """The signature of a model: the original's numbers in and out, whatever the file's type."""
    classifier = model.classifier
    signature = classifier.signature
    info = classifier.tensors.info
    definition: SignatureDefinition = {
        "inputs": {signature.input: _tensor_info(info.name, (-1, *info.shape[1:]))},
        "outputs": {
            signature.output: _tensor_info(classifier.output_tensor, (-1, classifier.numbers))
        },
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }
    return {
        "model_spec": {
            "name": model.info.name,
            "signature_name": "",
            "version": model.info.version,
        },
        "metadata": {"signature_def": {"signature_def": {_NAME: definition}}},
    }


def _tensor_info(name: str, shape: tuple[int, ...]) -> TensorInfo:
    return {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in shape],
            "unknown_rank": False,
        },
        "name": name,
    }
