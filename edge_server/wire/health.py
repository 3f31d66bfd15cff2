"""What the health routes answer."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from edge_server.api.schema import about
from edge_server.inference.proving import DelegationReport
from edge_server.inference.served import ModelReference
from edge_server.wire.camera import CameraJson


class Alive(TypedDict):
    """The process lives."""

    status: Annotated[str, about(const="alive")]


class Ready(TypedDict):
    """Predictions are answered."""

    ready: bool


class NotReady(Ready, total=False):
    """No prediction is answered now."""

    error: Annotated[str, about("Why, for who may know.")]


class RuntimeJson(TypedDict):
    """The interpreter's library."""

    name: str
    version: str


class ReadyReport(Ready):
    """What is served, for who may know."""

    model: ModelReference
    runtime: RuntimeJson
    delegate: DelegationReport | None
    validation: Annotated[
        dict[str, Any] | None,
        about("How the file compared with the original on held-out photos; null if it says none."),
    ]
    camera: CameraJson | None
