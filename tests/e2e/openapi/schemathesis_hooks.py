"""What Schemathesis can't guess from a schema: strings and bodies that are images."""

from __future__ import annotations

import base64
import io

import schemathesis
from hypothesis import strategies
from PIL import Image


def _png(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


_CHANNEL = strategies.integers(0, 255)
_SIDE = strategies.integers(1, 64)
IMAGES = strategies.builds(
    _png, strategies.tuples(_SIDE, _SIDE), strategies.tuples(_CHANNEL, _CHANNEL, _CHANNEL)
)

schemathesis.openapi.format("byte", IMAGES.map(lambda data: base64.b64encode(data).decode()))
schemathesis.openapi.format("binary", IMAGES)
for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, IMAGES)
