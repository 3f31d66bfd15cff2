"""What every protocol's documents are made of: JSON objects and base64."""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from typing import Annotated, Any, Final

import numpy as np

from edge_server.api.schema import about
from edge_server.errors import BadRequest

# The type of what decode_base64() reads.
Base64 = Annotated[
    str,
    about(
        "An image file's bytes as base64, with or without the head of a data URL.",
        format="byte",
        contentEncoding="base64",
        minLength=1,
    ),
]
# The output for one picture: a number for each class.
Scores = Annotated[list[float], about("A number for each class.")]
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
# Numbers of a document take ten times its room until they are an array; the interpreter lock lets
# one thread at a time read one anyway, so nothing is lost by having one at a time in memory.
ONE_TENSOR: Final = threading.Lock()
_WHITE_SPACE = re.compile(r"\s+")


def load_json(body: bytes, refusal: str) -> Any:
    """A JSON document, in which NaN and Infinity are numbers. Raises BadRequest(`refusal`)."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(refusal) from error


def decode_base64(text: Any, name: str) -> bytes:
    """Standard or URL-safe, with or without padding, white space or a data URL's head.

    Raises BadRequest, which calls the value by `name`.
    """
    if not isinstance(text, str) or not text:
        raise BadRequest(f"{name} has to be a base64 string of an image file's bytes.")
    head = _DATA_URL.match(text)
    payload = _WHITE_SPACE.sub("", text[head.end() :] if head else text)
    payload = payload.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(
            f"{name} is not valid base64: encode the image file's bytes with base64."
        ) from error


def to_json_numbers(values: np.ndarray[Any, Any]) -> Any:
    """float32 numbers as nested lists of the shortest decimals that mean them.

    0.2, not 0.20000000298: they take half the room, and are what TensorFlow Serving writes.
    """
    return values.astype(str).astype(np.float64).tolist()
