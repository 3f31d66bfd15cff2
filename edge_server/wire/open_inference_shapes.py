"""The shapes of inference's requests and answers in the Open Inference Protocol."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypedDict

from edge_server.api.schema import about

# Keys are the names of headers.
LengthHeader = TypedDict(
    "LengthHeader",
    {
        "Inference-Header-Content-Length": Annotated[
            int,
            about("How many bytes of the body are JSON, where a tensor's bytes follow.", minimum=0),
        ]
    },
    total=False,
)
LENGTH_HEADER: Final[str] = next(iter(LengthHeader.__annotations__))


class InferenceInput(TypedDict):
    """Pictures, as numbers or as encoded images."""

    name: Annotated[str, about("That of the model's input: see its metadata.")]
    datatype: Annotated[
        Literal["FP32", "UINT8", "INT8", "BYTES"],
        about(
            "FP32, the numbers that the original model took; the file's own type; or BYTES, "
            "encoded images, in JSON as base64."
        ),
    ]
    shape: Annotated[
        list[int], about("[n, h, w, c] of numbers, [n] or [n, 1] of BYTES.", minItems=1, maxItems=8)
    ]


class InputParameters(TypedDict, total=False):
    """How the input comes."""

    binary_data_size: Annotated[int, about("How many bytes after the JSON are this tensor.")]


class JsonInput(InferenceInput):
    """An input whose data stands in the JSON."""

    data: Annotated[list[Any], about("Flat or nested.")]


class BinaryInput(InferenceInput):
    """An input whose data follows the JSON."""

    parameters: InputParameters


class OutputParameters(TypedDict, total=False):
    """How the output is to come."""

    binary_data: Annotated[bool, about("As bytes after the JSON.")]
    classification: Annotated[
        int, about('The best classes, as BYTES "value:index:label", so many.', minimum=0)
    ]


class _OutputParameters(TypedDict, total=False):
    parameters: OutputParameters


class RequestedOutput(_OutputParameters):
    """An output that is asked for."""

    name: Annotated[str, about("That of the model's output: see its metadata.")]


class InferenceParameters(TypedDict, total=False):
    """Of the whole request."""

    binary_data_output: Annotated[bool, about("All outputs as bytes after the JSON.")]
    timeout: Annotated[int, about("Microseconds until the answer is of no use.", minimum=0)]


class _Inference(TypedDict, total=False):
    id: Annotated[str, about("Comes back in the answer.")]
    parameters: InferenceParameters
    outputs: list[RequestedOutput]


class InferenceBody(_Inference):
    """What to infer, and how to answer."""

    inputs: Annotated[list[JsonInput | BinaryInput], about(minItems=1, maxItems=1)]


class InferenceOutput(TypedDict):
    """What an output is, whatever way its data comes."""

    name: str
    datatype: Literal["FP32", "BYTES"]
    shape: list[int]


class JsonOutput(InferenceOutput):
    """An output whose data stands in the JSON."""

    data: list[float] | list[str]


class BinaryOutput(InferenceOutput):
    """An output whose data follows the JSON."""

    parameters: InputParameters


class Id(TypedDict, total=False):
    id: str


class InferenceAnswer(Id):
    """The outputs that were asked for."""

    model_name: str
    model_version: str
    outputs: list[JsonOutput | BinaryOutput]
