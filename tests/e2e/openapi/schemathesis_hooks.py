"""What Schemathesis can't guess from a schema: strings and bodies that are images."""

from __future__ import annotations

import base64
import io
from typing import Any
from urllib.parse import urlsplit

import requests
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


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """A model that was unloaded is loaded again, so that the next question finds it."""
    path = urlsplit(response.request.url).path
    if response.status_code == 200 and path.endswith("/unload"):
        authorization = {"Authorization": response.request.headers["Authorization"]}
        address = response.request.url.replace("/unload", "/load")
        requests.post(address, headers=authorization, timeout=30).raise_for_status()
