"""What every protocol does with a request for the model's output: limits, then the model.

A protocol reads its own documents into Pictures and writes what comes back.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np

from edge_server.deadline import Deadline
from edge_server.errors import BadRequest, ImageError
from edge_server.inference.preprocessing import FloatTensor, Tensor
from edge_server.inference.served import ServedModel
from edge_server.request_context import note
from edge_server.settings import Settings

# Of names, shapes and parameters.
_OTHER_COMMAS: Final = 10_000

# A tensor (n, h, w, c), or encoded images, for the model to preprocess.
Pictures: TypeAlias = Tensor | tuple[bytes, ...]


def require_few(count: int, settings: Settings) -> None:
    """Raises BadRequest where a request has more pictures than one may have."""
    if count > settings.max_images:
        raise BadRequest(
            f"{count} images in one request are over the limit of "
            f"{settings.max_images}: send them in several."
        )


def require_few_numbers(document: bytes, model: ServedModel, settings: Settings) -> None:
    """Raises BadRequest for JSON with more numbers than the tensors of a request can have.

    They are counted by their commas, before reading them takes many times their room.
    """
    most = settings.max_images * math.prod(model.classifier.tensors.shape)
    if document.count(b",") > most + _OTHER_COMMAS:
        raise BadRequest(
            f"The request has more numbers than {settings.max_images} pictures, the limit of one "
            "request: send them in several."
        )


def outputs(
    model: ServedModel, pictures: Pictures, settings: Settings, deadline: Deadline
) -> FloatTensor:
    """What the model puts out, float32 (n, classes).

    Raises BadRequest, and what Classifier.infer() and infer_images() raise.
    """
    count = len(pictures) if isinstance(pictures, tuple) or pictures.ndim else 0
    note(model=model.info.name, version=model.info.version, images=count)
    require_few(count, settings)
    if isinstance(pictures, np.ndarray):
        return model.classifier.infer(pictures, deadline=deadline)
    try:
        return model.classifier.infer_images(pictures, deadline=deadline)
    except ImageError as error:
        raise at_its_place(error, several=len(pictures) > 1) from error


def at_its_place(error: ImageError, *, several: bool) -> ImageError:
    """The error to raise: of several images it names its own, and that none was answered."""
    if not several:
        # A new one in any case: what is raised from itself is a circle, and keeps the model.
        return type(error)(str(error))
    return type(error)(
        f"images[{error.position}]: {error} No answers were given for the others; "
        "send them again without it."
    )
