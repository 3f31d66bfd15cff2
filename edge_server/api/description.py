"""How a route says what it takes and answers: @described, beside its view."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Final, TypedDict, TypeVar

from flask.typing import ResponseReturnValue

from edge_server.api.schema import about
from edge_server.errors import (
    BadRequest,
    BodyTooLarge,
    CameraUnavailable,
    DeadlineExceeded,
    EdgeError,
    ImageError,
    ImageTooLarge,
    ModelFailed,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
    TensorError,
    UnsupportedImage,
    UnsupportedMediaType,
)
from edge_server.inference.served import ServedModel

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
Errors = tuple[type[EdgeError], ...]

JSON: Final = "application/json"
_DESCRIPTION: Final = "_edge_description"

# What may go wrong with the model that is named, with a body, and with what is to be classified.
MODEL_ERRORS: Final[Errors] = (ModelNotFound, ModelNotReady)
BODY_ERRORS: Final[Errors] = (BadRequest, BodyTooLarge, UnsupportedMediaType)
INFERENCE_ERRORS: Final[Errors] = (
    *MODEL_ERRORS,
    *BODY_ERRORS,
    ImageError,
    ImageTooLarge,
    UnsupportedImage,
    TensorError,
    Overloaded,
    DeadlineExceeded,
    ModelFailed,
)
CAMERA_ERRORS: Final[Errors] = (CameraUnavailable,)


class Tag(Enum):
    """The groups of operations, in the order that they are shown in."""

    PREDICTION = "Prediction"
    CAMERA = "Camera"
    TF_SERVING = "TensorFlow Serving"
    OPEN_INFERENCE = "Open Inference Protocol"
    HEALTH = "Health and metrics"
    PAGES = "Pages"

    @property
    def text(self) -> str:
        """What the group is for."""
        return _TAG_TEXTS[self]


_TAG_TEXTS: Final = {
    Tag.PREDICTION: "Send pictures, get labels. Start here.",
    Tag.CAMERA: "The camera of this device: its newest frame, its stream, and the live answer.",
    Tag.TF_SERVING: "The REST interface of TensorFlow Serving, which KServe calls protocol v1: "
    "clients of theirs work unchanged.",
    Tag.OPEN_INFERENCE: "The protocol v2 of KServe, Triton and MLServer, with Triton's extensions "
    "for bytes, classification, statistics and the repository.",
    Tag.HEALTH: "For load balancers, Kubernetes and Prometheus.",
    Tag.PAGES: "For people, and for programs that read this description.",
}


class ModelPlace(TypedDict):
    """The parts of an address that name a model."""

    name: Annotated[str, about("Name of the model.", minLength=1)]
    version: Annotated[str, about("Version of the model.", minLength=1)]
    label: Annotated[str, about("Label of a version, such as stable.", minLength=1)]


@dataclass(frozen=True)
class Content:
    """A body of one media type. Each example is a value, or made of the model that is served."""

    kind: Any
    examples: Mapping[str, Any | Callable[[ServedModel], Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """An operation; of several addresses if its view answers at several.

    `answer` is the type of a JSON document; `answers` and `body` go by media type. `query`,
    `headers` and `answer_headers` are TypedDicts with a key for each parameter; `path` may have
    more keys than an address has parts.
    """

    tag: Tag
    summary: str
    text: str = ""
    answer: Any = None
    answers: Mapping[str, Content] = field(default_factory=dict)
    body: Mapping[str, Content] = field(default_factory=dict)
    body_required: bool = True
    path: Any = ModelPlace
    query: Any = None
    headers: Any = None
    answer_headers: Any = None
    errors: Errors = ()
    # What an error answers that is not as all others, by status and media type.
    failures: Mapping[int, Mapping[str, Content]] = field(default_factory=dict)
    # Whatever is asked is refused: there is no answer of status 200.
    refuses: bool = False

    @property
    def contents(self) -> Mapping[str, Content]:
        """What is answered, by media type."""
        return ({JSON: Content(self.answer)} if self.answer else {}) | dict(self.answers)


def described(description: Description) -> Callable[[View], View]:
    """Marks a view with what it takes and answers."""

    def decorate(view: View) -> View:
        mark(view, description)
        return view

    return decorate


def mark(view: object, description: Description) -> None:
    """As described(), for a view that is not ours to decorate."""
    setattr(view, _DESCRIPTION, description)


def description_of(view: object) -> Description | None:
    """What a view is marked with."""
    found: Description | None = getattr(view, _DESCRIPTION, None)
    return found
