"""What is published over MQTT."""

from __future__ import annotations

from typing import Final, TypedDict

ONLINE: Final = "online"
OFFLINE: Final = "offline"


class StateMessage(TypedDict):
    """The newest answer. `label` is the best class, sure or not; `captured_at` is UTC."""

    label: str
    confidence: float
    sure: bool
    model: str
    version: str
    frame: int
    captured_at: str


class CameraMessage(TypedDict):
    """The state of the camera, as /camera/prediction has it; `error` says what to do."""

    state: str
    description: str
    error: str | None
