"""The plain contract: what /predict takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypedDict, cast

from edge_server.api.schema import Bytes, about
from edge_server.errors import BadRequest
from edge_server.inference.classification import DEFAULT_TOP_K, Classification, Timing
from edge_server.inference.served import ModelInfo, ModelReference
from edge_server.wire.values import Base64, decode_base64, load_json

MAX_TOP_K: Final = 100_000


class PredictQuery(TypedDict, total=False):
    """How to answer."""

    top_k: Annotated[
        int,
        about(
            "How many classes to name, best first.",
            minimum=1,
            maximum=MAX_TOP_K,
            default=DEFAULT_TOP_K,
        ),
    ]
    threshold: Annotated[
        float,
        about("Leave out classes that are less sure than this.", minimum=0, maximum=1, default=0),
    ]
    model: Annotated[str, about("Name of the model; without it the server's default.")]
    version: Annotated[str, about("Version of the model; without it the one that is served.")]


class OneImage(TypedDict):
    """One image."""

    image: Base64


class SeveralImages(TypedDict):
    """A batch of images."""

    images: Annotated[list[Base64], about("At least one, at most --max-images.", minItems=1)]


# One or the other, and not both.
JsonBody = (
    Annotated[OneImage, about(not_={"required": ["images"]})]
    | Annotated[SeveralImages, about(not_={"required": ["image"]})]
)


class Form(TypedDict, total=False):
    """Files of a form; a field may come several times, and may have another name."""

    image: Annotated[Bytes, about("The file of an image.")]
    images: Annotated[
        list[Bytes], about("A batch: the answer has `predictions`, even to one.", minItems=1)
    ]


FormBody = Annotated[Form, about(anyOf=[{"required": ["image"]}, {"required": ["images"]}])]


class ClassConfidence(TypedDict):
    """A class that was seen."""

    label: str
    index: int
    confidence: Annotated[float, about("0..1")]


class ImageResult(TypedDict):
    """The answer to an image."""

    prediction: Annotated[
        str | None, about("Label of the best class; null where it is below the threshold.")
    ]
    confidence: Annotated[float, about("Of the best class, 0..1.")]
    top_k: Annotated[list[ClassConfidence], about("The best classes, best first.")]


class TimingMs(TypedDict):
    """Milliseconds: those of a batch are sums over its images, but for the total."""

    decode: float
    preprocess: float
    queue: float
    invoke: float
    total: float


class Provenance(TypedDict):
    """What answered, and how long it took."""

    model: ModelReference
    timing_ms: TimingMs


class OneAnswer(ImageResult, Provenance):
    """The answer to one image."""


class SeveralAnswers(Provenance):
    """The answers to a batch, in the order sent."""

    predictions: Annotated[list[str | None], about("The labels alone.")]
    results: list[ImageResult]


@dataclass(frozen=True)
class ImageRequest:
    """Encoded images to classify; `batch` says which shape the answer has."""

    images: tuple[bytes, ...]
    batch: bool


def parse_json(body: bytes) -> ImageRequest:
    """{"image": base64} or {"images": [base64, ...]}. Raises BadRequest."""
    document = load_json(
        body,
        'The body is not valid JSON: send {"image": "<base64>"}, '
        "or the bytes of an image with Content-Type image/jpeg.",
    )
    if not isinstance(document, dict) or ("image" in document) == ("images" in document):
        raise BadRequest(
            'Send one JSON object with either "image" (one base64 string) or "images" (a list).'
        )
    if "image" in document:
        image = cast(OneImage, document)["image"]
        return ImageRequest((decode_base64(image, '"image"'),), batch=False)
    encoded = cast(SeveralImages, document)["images"]
    if not isinstance(encoded, list) or not encoded:
        raise BadRequest('"images" has to be a list of at least one base64 string.')
    images = tuple(decode_base64(text, f"images[{n}]") for n, text in enumerate(encoded))
    return ImageRequest(images, batch=True)


def single(
    result: Classification, model: ModelInfo, total_ms: float, threshold: float = 0.0
) -> OneAnswer:
    """The answer to one image.

    Classes of less confidence than `threshold`, 0..1, are left out. Where that leaves none, the
    prediction is null; the confidence is still that of the best class.
    """
    return {**_answer(result, threshold), **_about(model, result.timing, total_ms)}


def batch(
    results: Sequence[Classification], model: ModelInfo, total_ms: float, threshold: float = 0.0
) -> SeveralAnswers:
    """The answer to several, in the order sent; each as single() has it."""
    timing = sum((result.timing for result in results), Timing())
    answers = [_answer(result, threshold) for result in results]
    return {
        "predictions": [answer["prediction"] for answer in answers],
        "results": answers,
        **_about(model, timing, total_ms),
    }


def _answer(result: Classification, threshold: float) -> ImageResult:
    best = result.top[0]
    return {
        "prediction": best.label if best.confidence >= threshold else None,
        "confidence": round(best.confidence, 6),
        "top_k": [
            {"label": p.label, "index": p.index, "confidence": round(p.confidence, 6)}
            for p in result.top
            if p.confidence >= threshold
        ],
    }


def _about(model: ModelInfo, timing: Timing, total_ms: float) -> Provenance:
    return {
        "model": model.to_json(),
        "timing_ms": {
            "decode": round(timing.decode, 2),
            "preprocess": round(timing.preprocess, 2),
            "queue": round(timing.queue, 2),
            "invoke": round(timing.invoke, 2),
            "total": round(total_ms, 2),
        },
    }
