"""What the kiosk page follows: whether it is the page of today, and how the camera is."""

from __future__ import annotations

from typing import Annotated, TypedDict

from edge_server.api.schema import about
from edge_server.inference.served import ModelReference
from edge_server.wire.camera import CameraJson


class KioskJson(TypedDict):
    """What the kiosk page asks every few seconds."""

    edition: Annotated[str, about("Another one than the page's own: the page is out of date.")]
    model: Annotated[ModelReference | None, about("What answers; null while nothing does.")]
    camera: CameraJson | None
