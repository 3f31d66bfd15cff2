"""Where each version of a model is in its life."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class State(str, Enum):
    """Where a version is in its life, in TensorFlow Serving's words."""

    START = "START"  # seen, but not loaded yet
    LOADING = "LOADING"  # being tried, loaded and warmed up
    AVAILABLE = "AVAILABLE"  # answers
    UNLOADING = "UNLOADING"  # answers what has begun, and nothing new
    END = "END"  # not in memory: released, failed, or never wanted


LEGAL: Final = {
    State.START: (State.LOADING, State.END),
    # Back to START where the file turned out to be still on its way.
    State.LOADING: (State.AVAILABLE, State.START, State.END),
    State.AVAILABLE: (State.UNLOADING,),
    # Back to START where it is wanted again before the last of its requests has ended.
    State.UNLOADING: (State.END, State.START),
    State.END: (State.START,),
}


@dataclass(frozen=True)
class VersionStatus:
    """One version of a model.

    `reason` says why it failed; of an AVAILABLE one, why its changed files were not taken over;
    empty where nothing failed. `since` is when the state began, in seconds of Unix time, and
    `load_seconds` how long the trial and the load took, 0 before. `labels` are its version labels;
    `default` says that it answers where no version is named.
    """

    name: str
    version: str
    state: State
    reason: str = ""
    since: float = 0.0
    load_seconds: float = 0.0
    labels: tuple[str, ...] = ()
    default: bool = False
