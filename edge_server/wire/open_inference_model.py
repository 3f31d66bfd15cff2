"""What the Open Inference Protocol tells of server and models, Triton's extensions included.

Source: KServe's docs/predict-api/v2/required_api.md; of Triton's docs/protocol the extensions
model_configuration, model_repository and statistics.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import edge_server
from edge_server.errors import BadRequest, NotOffered
from edge_server.inference.served import ServedModel
from edge_server.inference.statistics import ModelStatistics
from edge_server.repository import State, VersionStatus
from edge_server.wire.open_inference_model_shapes import (
    IndexEntry,
    ModelConfiguration,
    ModelMetadata,
    OutputConfiguration,
    ServerMetadata,
    Statistics,
    Total,
    VersionStatistics,
)
from edge_server.wire.open_inference_tensor import datatype_of
from edge_server.wire.values import load_json

_EXTENSIONS: Final = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
)
_STATES: Final[dict[State, Literal["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]]] = {
    State.START: "LOADING",
    State.LOADING: "LOADING",
    State.AVAILABLE: "READY",
    State.UNLOADING: "UNLOADING",
    State.END: "UNAVAILABLE",
}


def server() -> ServerMetadata:
    """The server's metadata."""
    return {
        "name": "edge-server",
        "version": edge_server.__version__,
        "extensions": list(_EXTENSIONS),
    }


def metadata(model: ServedModel, versions: Iterable[VersionStatus]) -> ModelMetadata:
    """A model's metadata: the file's own type in, which FP32 and BYTES may stand for."""
    classifier = model.classifier
    return {
        "name": model.info.name,
        "versions": [v.version for v in versions if v.state is State.AVAILABLE],
        "platform": "tflite",
        "inputs": [
            {
                "name": classifier.signature.input,
                "datatype": datatype_of(classifier.tensors.info.dtype),
                "shape": [-1, *classifier.tensors.shape],
            }
        ],
        "outputs": [
            {
                "name": classifier.signature.output,
                "datatype": "FP32",
                "shape": [-1, classifier.numbers],
            }
        ],
    }


def configuration(model: ServedModel, *, max_images: int) -> ModelConfiguration:
    """A model's configuration as Triton's model_config.proto has it."""
    classifier = model.classifier
    datatype = datatype_of(classifier.tensors.info.dtype)
    output: OutputConfiguration = {
        "name": classifier.signature.output,
        "data_type": "TYPE_FP32",
        "dims": [classifier.numbers],
        "label_filename": "labels.txt" if classifier.bundle.labels else "",
    }
    return {
        "name": model.info.name,
        "platform": "tflite",
        "backend": "tflite",
        "max_batch_size": max_images,
        "input": [
            {
                "name": classifier.signature.input,
                "data_type": f"TYPE_{datatype}",
                "format": "FORMAT_NHWC",
                "dims": list(classifier.tensors.shape),
            }
        ],
        "output": [output],
        "instance_group": [
            {"name": model.info.name, "kind": "KIND_CPU", "count": classifier.interpreters}
        ],
        "parameters": {
            # What the input takes beside its own type.
            "also_takes": {"string_value": "FP32 [n,h,w,c], BYTES [n] or [n,1] of encoded images"},
            "output": {"string_value": classifier.bundle.output.value},
            "recipe": {"string_value": model.info.recipe},
            "sha256": {"string_value": model.info.sha256},
        },
    }


def parse_index(body: bytes) -> bool:
    """Whether only models that are ready are asked for. Raises BadRequest."""
    ready = _document(body).get("ready", False)
    if not isinstance(ready, bool):
        raise BadRequest('"ready" has to be true or false.')
    return ready


def parse_load(body: bytes) -> None:
    """Raises NotOffered where a model is sent along, or its configuration; BadRequest."""
    parameters = _document(body).get("parameters", {})
    if not isinstance(parameters, dict):
        raise BadRequest("parameters must be a JSON object: leave it out.")
    if parameters:
        raise NotOffered(
            "Models are loaded as their files are: put the file where the server looks for it, and "
            "leave out the parameters."
        )


def _document(body: bytes) -> dict[str, Any]:
    document = (
        load_json(body, "The body is not valid JSON: send an object, or nothing.") if body else {}
    )
    if not isinstance(document, dict):
        raise BadRequest("The body has to be a JSON object.")
    return document


def index(versions: Iterable[VersionStatus], *, ready: bool) -> list[IndexEntry]:
    """The index of the repository: all versions, or those that are `ready`."""
    return [
        {
            "name": version.name,
            "version": version.version,
            "state": _STATES[version.state],
            "reason": version.reason,
        }
        for version in versions
        if version.state is State.AVAILABLE or not ready
    ]


def statistics(counted: Iterable[tuple[VersionStatus, ModelStatistics]]) -> Statistics:
    """The work of versions. Parts are counted once a request; their times are its pictures' sum."""
    return {"model_stats": [_one(version, numbers) for version, numbers in counted]}


def _one(version: VersionStatus, numbers: ModelStatistics) -> VersionStatistics:
    requests = numbers.requests.count
    nanoseconds = {name: stage.nanoseconds for name, stage in numbers.stages.items()}
    inputs = nanoseconds["decode"] + nanoseconds["preprocess"]
    return {
        "name": version.name,
        "version": version.version,
        "last_inference": round((numbers.last_answer or 0) * 1e3),
        "inference_count": numbers.images,
        "execution_count": numbers.executions,
        "inference_stats": {
            "success": _total(requests, numbers.requests.nanoseconds),
            "fail": _total(numbers.failed.count, numbers.failed.nanoseconds),
            "queue": _total(requests, nanoseconds["queue"]),
            "compute_input": _total(requests, inputs),
            "compute_infer": _total(requests, nanoseconds["invoke"]),
            "compute_output": _total(requests, nanoseconds["output"]),
            "cache_hit": _total(0, 0),
            "cache_miss": _total(0, 0),
        },
        "batch_stats": [
            {
                "batch_size": size,
                "compute_input": _total(batch.executions, batch.input),
                "compute_infer": _total(batch.executions, batch.invoke),
                "compute_output": _total(batch.executions, batch.output),
            }
            for size, batch in numbers.batches.items()
        ],
    }


def _total(count: int, nanoseconds: int) -> Total:
    return {"count": count, "ns": nanoseconds}
