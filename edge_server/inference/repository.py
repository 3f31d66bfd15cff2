"""The models that are served, by name and version. Knows nothing of HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from edge_server.errors import ModelNotFound, ModelNotReady
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

    def __init__(self, load: Callable[[], ServedModel]) -> None:
        """One model, made by `load`, whose errors are raised."""
        self._load = load
        self._served: ServedModel | None = load()
        self._info = self._served.info
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all models, sorted, whether they can answer now or not."""
        return (self._info.name,)

    @property
    def default_name(self) -> str:
        """The model that answers where a request names none."""
        return self._info.name

    def get(
        self, name: str | None = None, *, version: str | None = None, label: str | None = None
    ) -> ServedModel:
        """The model to answer with: the version that is served by default, or the one named.

        Raises ModelNotFound (404), ModelNotReady (503) where it is known but can't answer now.
        """
        self._insist(name)
        if version not in (None, self._info.version) or label is not None:
            raise ModelNotFound(
                f"{self._info.name} has no version {version or label!r}: use {self._info.version}."
            )
        served = self._served
        if served is None:
            raise ModelNotReady(f"{self._info.name} was unloaded: load it again.")
        return served

    def versions(self, name: str) -> tuple[VersionStatus, ...]:
        """All versions of a model, newest first, failed ones too. Raises ModelNotFound."""
        self._insist(name)
        state = State.AVAILABLE if self._served else State.END
        return (VersionStatus(self._info.name, self._info.version, state),)

    def load(self, name: str) -> None:
        """Make a model answer: look for it anew, and load what was unloaded or failed before.

        Returns when it answers. What is served already goes on meanwhile. Raises ModelNotFound,
        and ModelNotReady with the reason where no version of it can be loaded.
        """
        self._insist(name)
        with self._lock:
            if self._served is None:
                self._served = self._load()

    def unload(self, name: str) -> None:
        """Let go of a model, with all its versions, until load() is called.

        Requests that have begun are answered still; its memory is free after the last of them.
        Raises ModelNotFound.
        """
        self._insist(name)
        with self._lock:
            self._served = None

    def start(self) -> None:
        """Begin to follow changes."""

    def stop(self) -> None:
        """Let it be."""

    def _insist(self, name: str | None) -> None:
        if name not in (None, self._info.name):
            raise ModelNotFound(f"There is no model '{name}': use {', '.join(self.names)}.")
