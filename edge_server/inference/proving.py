"""A model is served once it reproduces its golden samples: on the delegate if there is one.

Where the delegate can't be had, fails, or answers otherwise, the CPU runs the model, and that is
said.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

from edge_server.errors import EdgeError, ModelFileError
from edge_server.inference import golden
from edge_server.inference.classifier import Classifier
from edge_server.inference.delegate import Delegate
from edge_server.logs import fields

_log = logging.getLogger(__name__)


class DelegationReport(TypedDict):
    """Which accelerator was asked for, whether it runs the model, and why not."""

    library: str
    used: bool
    reason: str | None


@dataclass(frozen=True)
class Delegation:
    """Whether the delegate that was asked for runs the model; `reason` is why not."""

    library: str
    used: bool
    reason: str | None = None

    def to_json(self) -> DelegationReport:
        """The form that /readyz shows."""
        return {"library": self.library, "used": self.used, "reason": self.reason}


@dataclass(frozen=True)
class Proven:
    """A classifier that reproduces its file's `samples` golden samples. `delegation` is None
    where no delegate was asked for."""

    classifier: Classifier
    samples: int
    delegation: Delegation | None


def prove(load: Callable[[Delegate | None], Classifier], delegate: Delegate | None) -> Proven:
    """A classifier that answers as it should: on the delegate if there, else on the CPU.

    `load` makes a classifier that runs on a delegate, or for None on the CPU. Raises
    ModelFileError, ModelRefused and SettingError where the CPU does not run the model either.
    """
    reason = None
    if delegate is not None:
        try:
            classifier = load(delegate)
            samples = golden.check(classifier)
        except EdgeError as error:
            reason = str(error)
        else:
            return Proven(classifier, samples, Delegation(delegate.library, used=True))
    try:
        classifier = load(None)
        samples = golden.check(classifier)
    except ModelFileError as error:
        if reason is None:
            raise
        # A file that was compiled for an accelerator runs nowhere else.
        raise ModelFileError(f"{error} And it can't be run by the delegate: {reason}") from error
    if delegate is None or reason is None:
        return Proven(classifier, samples, None)
    _log.warning(
        "the delegate is not used, the CPU runs the model",
        extra=fields(model=classifier.bundle.name, delegate=delegate.library, reason=reason),
    )
    return Proven(classifier, samples, Delegation(delegate.library, used=False, reason=reason))


def widen(classifier: Classifier, threads: int) -> None:
    """Give a classifier an interpreter for requests that are alone, if that too reproduces the
    golden samples."""
    try:
        classifier.widen(threads)
        golden.check(classifier)
    except EdgeError as error:
        classifier.narrow()
        _log.warning(
            "no interpreter of several threads is used",
            extra=fields(model=classifier.bundle.name, threads=threads, reason=str(error)),
        )
