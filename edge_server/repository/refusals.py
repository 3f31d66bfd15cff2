"""Why a model does not answer, in a sentence that says what does."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_server.errors import EdgeError, ModelNotFound, ModelNotReady
from edge_server.repository.status import State, VersionStatus


def number_of(version: str) -> int:
    """A version as a number; -1 where it is none, which no version has."""
    return int(version) if re.fullmatch("[0-9]{1,18}", version) else -1


def one(
    name: str,
    versions: Sequence[VersionStatus],
    *,
    number: int | None,
    version: str | None,
    label: str | None,
) -> EdgeError:
    """For a version that was asked for by itself or by a label; `number` is None for a label that
    is not there."""
    ready = ", ".join(v.version for v in versions if v.state is State.AVAILABLE)
    instead = f"use {ready}" if ready else "none answers now"
    if number is None:
        return ModelNotFound(f"{name} has no version label '{label}': {instead}.")
    found = next((v for v in versions if number_of(v.version) == number), None)
    if found is None:
        return ModelNotFound(f"{name} has no version {version or number}: {instead}.")
    if found.reason or found.state in (State.START, State.LOADING):
        return ModelNotReady(
            f"Version {found.version} of {name} can't answer: "
            f"{found.reason or 'it is being loaded: ask again in a second.'}"
        )
    return ModelNotFound(
        f"Version {found.version} of {name} is not kept loaded: {instead}, or give it a version "
        "label."
    )


def none(name: str, versions: Sequence[VersionStatus], *, unloaded: bool) -> ModelNotReady:
    """For a model of which no version answers."""
    if unloaded:
        return ModelNotReady(f"{name} was unloaded: load it again.")
    reasons = [v.reason for v in versions if v.reason]
    if reasons:
        return ModelNotReady(f"No version of {name} can answer: {reasons[0]}")
    return ModelNotReady(f"{name} is being loaded: ask again in a second.")
