"""The models that are served, by name and version. Knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from edge_server.errors import ModelNotFound
from edge_server.inference.served import ServedModel


class State(str, Enum):
    """Where a version is in its life, in TensorFlow Serving's words."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True)
class VersionStatus:
    """One version of a model. `reason` says why it failed; empty where it did not."""

    name: str
    version: str
    state: State
    reason: str = ""


class Repository:
    """Hands out models by name, version or version label.

    What it hands out stays whole: a request keeps its ServedModel while the repository goes on.
    """

    def __init__(self, served: ServedModel) -> None:
        self._served = served

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models, sorted, whether they can answer now or not."""
        return (self._served.info.name,)

    @property
    def default_name(self) -> str:
        """The model that answers where a request names none."""
        return self._served.info.name

    def get(
        self, name: str | None = None, *, version: str | None = None, label: str | None = None
    ) -> ServedModel:
        """The model to answer with: the version that is served by default, or the one named.

        Raises ModelNotFound (404), ModelNotReady (503) where it is known but can't answer now.
        """
        info = self._served.info
        if name not in (None, info.name):
            raise ModelNotFound(f"There is no model '{name}': use {', '.join(self.names)}.")
        if version not in (None, info.version) or label is not None:
            raise ModelNotFound(
                f"{info.name} has no version {version or label!r}: use {info.version}."
            )
        return self._served

    def versions(self, name: str) -> tuple[VersionStatus, ...]:
        """All versions of a model, newest first, failed ones too. Raises ModelNotFound."""
        info = self.get(name).info
        return (VersionStatus(info.name, info.version, State.AVAILABLE),)

    def start(self) -> None:
        """Begin to follow changes."""

    def stop(self) -> None:
        """Let it be."""
