"""The shapes of what the Open Inference Protocol tells of server and models."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from edge_server.api.schema import about


class ServerMetadata(TypedDict):
    """What the server is, and which extensions it offers."""

    name: str
    version: str
    extensions: list[str]


class ModelNames(TypedDict):
    """The names of all models."""

    models: list[str]


class TensorMetadata(TypedDict):
    """An input or output; -1 is any number of pictures."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(TypedDict):
    """A model: its versions that are ready, and the file's own types."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class InputConfiguration(TypedDict):
    """An input as model_config.proto has it."""

    name: str
    data_type: str
    format: str
    dims: list[int]


class OutputConfiguration(TypedDict):
    """An output as model_config.proto has it."""

    name: str
    data_type: str
    dims: list[int]
    label_filename: str


class InstanceGroup(TypedDict):
    """The interpreters."""

    name: str
    kind: str
    count: int


class StringValue(TypedDict):
    """A parameter's value."""

    string_value: str


class ModelConfiguration(TypedDict):
    """A model's configuration as Triton's model_config.proto has it."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[InputConfiguration]
    output: list[OutputConfiguration]
    instance_group: list[InstanceGroup]
    parameters: dict[str, StringValue]


class ServerLive(TypedDict):
    """The server lives."""

    live: bool


class ServerReady(ServerLive):
    """Whether the server can answer. KServe's client reads `ready`."""

    ready: bool


class ModelReady(TypedDict):
    """The model can answer."""

    name: str
    ready: bool


class IndexBody(TypedDict, total=False):
    """Which models to list."""

    ready: Annotated[bool, about("Only those that are ready.", default=False)]


class IndexEntry(TypedDict):
    """A version of a model."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE", "LOADING", "UNLOADING"]
    reason: str


class LoadBody(TypedDict, total=False):
    """Nothing: models are loaded as their files are."""

    parameters: Annotated[dict[str, Any], about(maxProperties=0)]


class Nothing(TypedDict):
    """An empty object: it is done."""


class Total(TypedDict):
    """How often, and for how long in all."""

    count: int
    ns: int


class InferenceStatistics(TypedDict):
    """A model's work by stage."""

    success: Total
    fail: Total
    queue: Total
    compute_input: Total
    compute_infer: Total
    compute_output: Total
    cache_hit: Total
    cache_miss: Total


class BatchStatistics(TypedDict):
    """The work on batches of one size."""

    batch_size: int
    compute_input: Total
    compute_infer: Total
    compute_output: Total


class VersionStatistics(TypedDict):
    """The work of a version since it was loaded."""

    name: str
    version: str
    last_inference: Annotated[int, about("Milliseconds since 1970-01-01 UTC; 0 for never.")]
    inference_count: int
    execution_count: int
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class Statistics(TypedDict):
    """The work of versions."""

    model_stats: list[VersionStatistics]
