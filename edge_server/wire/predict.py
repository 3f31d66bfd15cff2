"""The plain contract: what /predict takes and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_server.errors import BadRequest
from edge_server.inference.classification import Classification, Timing
from edge_server.inference.served import ModelInfo
from edge_server.wire.values import decode_base64, load_json


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
        return ImageRequest((decode_base64(document["image"], '"image"'),), batch=False)
    encoded = document["images"]
    if not isinstance(encoded, list) or not encoded:
        raise BadRequest('"images" has to be a list of at least one base64 string.')
    images = tuple(decode_base64(text, f"images[{n}]") for n, text in enumerate(encoded))
    return ImageRequest(images, batch=True)


def single(
    result: Classification, model: ModelInfo, total_ms: float, threshold: float = 0.0
) -> dict[str, Any]:
    """The answer to one image.

    Classes of less confidence than `threshold`, 0..1, are left out. Where that leaves none, the
    prediction is null; the confidence is still that of the best class.
    """
    return _answer(result, threshold) | _about(model, result.timing, total_ms)


def batch(
    results: Sequence[Classification], model: ModelInfo, total_ms: float, threshold: float = 0.0
) -> dict[str, Any]:
    """The answer to several, in the order sent; each as single() has it."""
    timing = sum((result.timing for result in results), Timing())
    answers = [_answer(result, threshold) for result in results]
    return {
        "predictions": [answer["prediction"] for answer in answers],
        "results": answers,
    } | _about(model, timing, total_ms)


def _answer(result: Classification, threshold: float) -> dict[str, Any]:
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


def _about(model: ModelInfo, timing: Timing, total_ms: float) -> dict[str, Any]:
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
