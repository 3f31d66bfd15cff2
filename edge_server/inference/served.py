"""A model as it is served: one classifier with its name, version and labels, which never change.

A request takes one of these at its beginning and answers from it alone, so that a change of
models in the middle can't mix one model's scores with another's labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from edge_server.inference.classifier import Classifier
from edge_server.inference.proving import Delegation


class ModelReference(TypedDict):
    """Which model answered: its name and version, how it was converted, and its file's hash."""

    name: str
    version: str
    recipe: str
    sha256: str


@dataclass(frozen=True)
class ModelInfo:
    """A model as answers and pages name it. `version` is its directory's name; sizes in bytes."""

    name: str
    version: str
    recipe: str
    sha256: str
    size_bytes: int
    labels: tuple[str, ...]

    def to_json(self) -> ModelReference:
        """The part that stands in every answer."""
        return {
            "name": self.name,
            "version": self.version,
            "recipe": self.recipe,
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class ServedModel:
    """What answers requests. It is let go of when the last of them has its answer."""

    info: ModelInfo
    classifier: Classifier
    delegation: Delegation | None = None
