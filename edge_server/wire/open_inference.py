"""Requests and answers of inference in the Open Inference Protocol v2.

Source: KServe's docs/predict-api/v2/required_api.md, and of Triton's docs/protocol the extensions
binary_data, classification and schedule_policy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_server.asking import Pictures
from edge_server.errors import BadRequest, NotOffered
from edge_server.inference.classification import to_scores, top_indices
from edge_server.inference.classifier import Classifier
from edge_server.inference.preprocessing import FloatTensor
from edge_server.inference.served import ServedModel
from edge_server.wire import open_inference_tensor as tensor
from edge_server.wire.open_inference_shapes import (
    LENGTH_HEADER,
    BinaryOutput,
    Id,
    InferenceAnswer,
    InferenceOutput,
    JsonOutput,
)
from edge_server.wire.values import ONE_TENSOR, load_json, to_json_numbers


@dataclass(frozen=True)
class Output:
    """An output that is asked for: its numbers, or the labels of so many best `classes`."""

    name: str
    binary: bool
    classes: int = 0


@dataclass(frozen=True)
class InferRequest:
    """What is asked. `timeout` is in seconds, None for the server's."""

    id: str | None
    pictures: Pictures
    outputs: tuple[Output, ...]
    timeout: float | None = None


@dataclass(frozen=True)
class Answer:
    """A body; `json_length` says how much of it is JSON where bytes follow, None if none do."""

    body: bytes
    json_length: int | None


def parse_infer(body: bytes, json_length: str | None, classifier: Classifier) -> InferRequest:
    """Read a request's body; `json_length` is what LENGTH_HEADER says. Raises BadRequest."""
    length = _length(json_length, len(body))
    with ONE_TENSOR:
        document = _object(
            load_json(body[:length], "failed to parse the request JSON buffer: send JSON."),
            "the request",
        )
        inputs = document.get("inputs")
        if not isinstance(inputs, list) or len(inputs) != 1:
            raise BadRequest(
                'expected 1 inference input, "inputs": [{"name", "shape", "datatype", "data"}].'
            )
        pictures = _input(_object(inputs[0], "inputs[0]"), body[length:], classifier)
    parameters = _parameters(document)
    id_ = document.get("id")
    return InferRequest(
        None if id_ is None else str(id_),
        pictures,
        _outputs(document.get("outputs"), bool(parameters.get("binary_data_output")), classifier),
        _timeout(parameters.get("timeout")),
    )


def _length(json_length: str | None, whole: int) -> int:
    if json_length is None:
        return whole
    if not json_length.isascii() or not json_length.isdigit() or int(json_length[:12]) > whole:
        raise BadRequest(
            f"{LENGTH_HEADER} is {json_length[:20]!r}, but the body has {whole} bytes: give the "
            "length of its JSON."
        )
    return int(json_length)


def _input(found: dict[str, Any], binary: bytes, classifier: Classifier) -> Pictures:
    name = found.get("name")
    known = (classifier.signature.input, classifier.tensors.info.name)
    if name not in known:
        raise BadRequest(f"unexpected inference input {name!r}: the model's is '{known[0]}'.")
    parameters = _parameters(found)
    _refuse_shared_memory(parameters)
    size = parameters.get("binary_data_size")
    if size is None and binary:
        raise BadRequest(
            f"unexpected additional input data, {len(binary)} bytes after the JSON: say what they "
            "are with binary_data_size."
        )
    if size is not None and (type(size) is not int or size != len(binary)):
        raise BadRequest(
            f"binary_data_size of '{name}' is {str(size)[:20]}, but {len(binary)} bytes follow the "
            "JSON."
        )
    if (size is None) == ("data" not in found):
        raise BadRequest(f"must specify 'data' or binary_data_size for inference input '{name}'.")
    return tensor.read(
        str(name),
        found.get("datatype"),
        found.get("shape"),
        data=found.get("data"),
        binary=binary if size is not None else None,
    )


def _outputs(found: Any, binary: bool, classifier: Classifier) -> tuple[Output, ...]:
    known = (classifier.signature.output, classifier.output_tensor)
    if not found:
        return (Output(known[0], binary),)
    if not isinstance(found, list):
        raise BadRequest('"outputs" has to be a list of objects with a name.')
    outputs = []
    for number, value in enumerate(found):
        output = _object(value, f"outputs[{number}]")
        name = output.get("name")
        if name not in known:
            raise BadRequest(f"unexpected inference output {name!r}: the model's is '{known[0]}'.")
        parameters = _parameters(output)
        _refuse_shared_memory(parameters)
        classes = parameters.get("classification", 0)
        if type(classes) is not int or classes < 0:
            raise BadRequest(
                f"classification of '{name}' is {str(classes)[:20]}: give the number of classes."
            )
        outputs.append(Output(str(name), bool(parameters.get("binary_data", binary)), classes))
    if len({output.name for output in outputs}) != len(outputs):
        raise BadRequest("An output can be asked for only once in a request.")
    return tuple(outputs)


def _timeout(microseconds: Any) -> float | None:
    if microseconds is None:
        return None
    if type(microseconds) is not int or microseconds < 0:
        raise BadRequest(
            f"timeout is {str(microseconds)[:20]}: give a whole number of microseconds."
        )
    return microseconds / 1e6 or None


def _refuse_shared_memory(parameters: dict[str, Any]) -> None:
    if "shared_memory_region" in parameters:
        raise NotOffered("Shared memory is not offered here: send the tensor in the request.")


def _parameters(of: dict[str, Any]) -> dict[str, Any]:
    return _object(of.get("parameters", {}), "parameters")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{name} has to be a JSON object.")
    return value


def answer(values: FloatTensor, request: InferRequest, model: ServedModel) -> Answer:
    """The answer for what the model put out, float32 (n, classes)."""
    outputs: list[JsonOutput | BinaryOutput] = []
    blobs: list[bytes] = []
    for output in request.outputs:
        written, blob = _write(values, output, model)
        outputs.append(written)
        blobs.append(blob)
    id_: Id = {} if request.id is None else {"id": request.id}
    document: InferenceAnswer = {
        "model_name": model.info.name,
        "model_version": model.info.version,
        **id_,
        "outputs": outputs,
    }
    head = json.dumps(document, separators=(",", ":")).encode()
    if not any(output.binary for output in request.outputs):
        return Answer(head, None)
    return Answer(b"".join([head, *blobs]), len(head))


def _write(
    values: FloatTensor, output: Output, model: ServedModel
) -> tuple[JsonOutput | BinaryOutput, bytes]:
    if output.classes:
        if values.shape[1] == 1:  # about two classes
            values = to_scores(values, model.classifier.bundle.output)
        classes = min(output.classes, values.shape[1])
        strings = [text for row in values for text in _classes(row, classes, model)]
        about_it: InferenceOutput = {
            "name": output.name,
            "datatype": tensor.BYTES,
            "shape": [len(values), classes],
        }
        data: Any = strings
        blob = tensor.join([text.encode() for text in strings]) if output.binary else b""
    else:
        about_it = {"name": output.name, "datatype": "FP32", "shape": list(values.shape)}
        data = None if output.binary else to_json_numbers(values.ravel())
        blob = np.ascontiguousarray(values, "<f4").tobytes() if output.binary else b""
    if output.binary:
        return {**about_it, "parameters": {"binary_data_size": len(blob)}}, blob
    return {**about_it, "data": data}, blob


def _classes(row: FloatTensor, count: int, model: ServedModel) -> list[str]:
    """`value:index:label` of the highest, as Triton writes them; a model may have no labels."""
    labels = model.info.labels if model.classifier.bundle.labels else None
    return [
        f"{row[index]:f}:{index}" + (f":{labels[index]}" if labels else "")
        for index in top_indices(row, count)
    ]
