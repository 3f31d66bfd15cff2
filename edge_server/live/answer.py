"""The answer to a camera's frame."""

from __future__ import annotations

from dataclasses import dataclass

from camera.frame import Frame
from edge_server.inference.classification import Classification
from edge_server.inference.region import Region
from edge_server.inference.served import ModelInfo


@dataclass(frozen=True)
class LiveAnswer:
    """What the camera sees by now, by the model that was served then.

    frame           the newest frame that is in it
    classification  smoothed over the frames until then
    own             of that frame alone
    sure            whether the confidence is at least the minimum that is set
    region          the part of the frame that counts, None for all of it
    """

    frame: Frame
    classification: Classification
    own: Classification
    model: ModelInfo
    sure: bool
    region: Region | None = None

    @property
    def label(self) -> str:
        """That of the best class."""
        return self.classification.top[0].label

    @property
    def confidence(self) -> float:
        """That of the best class, 0..1."""
        return self.classification.top[0].confidence
