"""The shapes of TensorFlow Serving's REST documents, and of KServe's protocol v1."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from edge_server.api.schema import about
from edge_server.wire.values import Base64, Scores


class BinaryValue(TypedDict):
    """An encoded image, in place of numbers."""

    b64: Base64


# What an instance or the inputs may be, each also as an object with the input's name as its key.
Numbers = Annotated[
    Any,
    about(
        "Numbers of the original model's input: lists of rows, columns and channels.",
        type=["array", "number"],
    ),
]
Value = BinaryValue | Numbers | Annotated[dict[str, BinaryValue | Numbers], about(maxProperties=1)]


class _Signature(TypedDict, total=False):
    signature_name: Annotated[str, about("The model's own.", example="serving_default")]


class Rows(_Signature):
    """One value for each picture."""

    instances: Annotated[list[Value], about(minItems=1)]


class Columns(_Signature):
    """All pictures in one value."""

    inputs: Value


class Examples(_Signature):
    """Pictures to classify, each as the one binary feature of an example."""

    examples: Annotated[list[dict[str, Any]], about(minItems=1)]


class RowsAnswer(TypedDict):
    """The output for each instance, in the order sent."""

    predictions: list[Scores]


class ColumnsAnswer(TypedDict):
    """The output for the inputs."""

    outputs: list[Scores]


class ClassesAnswer(TypedDict):
    """Of each example label and score of every class, best first; twice, by either name."""

    results: list[list[tuple[str, float]]]
    result: list[list[tuple[str, float]]]


class StatusText(TypedDict):
    """Why a version can't be used."""

    error_code: str
    error_message: str


class VersionState(TypedDict):
    """The state of a version."""

    version: str
    state: Literal["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]
    status: StatusText


class ModelStatus(TypedDict):
    """The state of a model's versions; `name` and `ready` are KServe's."""

    model_version_status: list[VersionState]
    name: str
    ready: bool


class ModelSpec(TypedDict):
    """Which model it is."""

    name: str
    signature_name: str
    version: str


class Dimension(TypedDict):
    """A size; -1 for any."""

    size: str
    name: str


class TensorShape(TypedDict):
    """The shape of a tensor."""

    dim: list[Dimension]
    unknown_rank: bool


class TensorInfo(TypedDict):
    """A tensor of the signature."""

    dtype: str
    tensor_shape: TensorShape
    name: str


class SignatureDefinition(TypedDict):
    """What the model takes and puts out."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    method_name: str
    defaults: dict[str, Any]


class Signatures(TypedDict):
    """The signatures by name."""

    signature_def: dict[str, SignatureDefinition]


class SignatureMetadata(TypedDict):
    """The metadata that is asked for."""

    signature_def: Signatures


class ServingMetadata(TypedDict):
    """A model and its signature."""

    model_spec: ModelSpec
    metadata: SignatureMetadata


class Names(TypedDict):
    """The names of all models."""

    models: list[str]
