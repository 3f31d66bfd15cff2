"""One version of a model: its state, what it answers with, and what was tried of its files last."""

from __future__ import annotations

import dataclasses
import time
import weakref

from edge_server.inference.served import ServedModel
from edge_server.repository.directory import Signature, VersionFiles
from edge_server.repository.status import LEGAL, State, VersionStatus


class Slot:
    """Changed by one thread at a time; `status()` may be asked by any."""

    def __init__(self, name: str, files: VersionFiles) -> None:
        self.files = files
        self.served: ServedModel | None = None
        self.fingerprint: str | None = None
        # What was tried last, whatever came of it; None for nothing yet.
        self.tried: Signature | None = None
        # What was seen last, and when it was first seen so: monotonic seconds.
        self.seen: Signature | None = None
        self.seen_since = 0.0
        # When to try again what failed for a reason that may pass; None for never.
        self.retry_at: float | None = None
        self.failures = 0
        # What a command would end with, for the failure that `reason` tells.
        self.exit_status = 0
        # The reason that stands in the log, so that it stands there once.
        self.logged = ""
        self._leaving: weakref.ref[ServedModel] | None = None
        self._status = VersionStatus(name, files.version, State.START, since=time.time())

    @property
    def number(self) -> int:
        return self.files.number

    @property
    def version(self) -> str:
        return self.files.version

    @property
    def state(self) -> State:
        return self._status.state

    @property
    def reason(self) -> str:
        return self._status.reason

    @property
    def is_waiting(self) -> bool:
        """Whether its files were not whole when they were tried."""
        return self.state is State.START and bool(self.reason)

    def status(self) -> VersionStatus:
        """As it is now."""
        self._notice_release()
        return self._status

    def look(self, now: float) -> Signature:
        """The signature of the files; notes since when it has been so. Raises OSError."""
        signature = self.files.signature()
        if signature != self.seen:
            self.seen, self.seen_since = signature, now
            self.failures, self.retry_at = 0, None
        return signature

    def begin(self) -> None:
        """A load begins. What is served goes on meanwhile, so it stays AVAILABLE."""
        if self.served is None:
            self._notice_release()
            if self.state in (State.END, State.UNLOADING):
                self._enter(State.START)
            self._enter(State.LOADING)

    def succeed(self, served: ServedModel, fingerprint: str, seconds: float) -> None:
        """The load gave this model."""
        if self.served is None:
            self._enter(State.AVAILABLE)
        self.served, self.fingerprint, self._leaving = served, fingerprint, None
        self.failures, self.retry_at, self.logged = 0, None, ""
        self._status = dataclasses.replace(
            self._status, reason="", since=time.time(), load_seconds=round(seconds, 3)
        )

    def fail(self, reason: str, exit_status: int) -> None:
        """The load, or the files, are no good; what is served goes on."""
        self.exit_status = exit_status
        if self.served is None and self.state is not State.END:
            self._enter(State.END)
        self._status = dataclasses.replace(self._status, reason=reason)

    def stay(self) -> None:
        """The files are those that are served."""
        self.failures, self.retry_at, self.logged = 0, None, ""
        self._status = dataclasses.replace(self._status, reason="")

    def wait(self, reason: str) -> None:
        """The files are not whole yet."""
        if self.state is State.LOADING:
            self._enter(State.START)
        self._status = dataclasses.replace(self._status, reason=reason)

    def release(self, reason: str = "") -> None:
        """Let go of the model: it ends with the last request that uses it."""
        if self.served is not None:
            self._enter(State.UNLOADING, reason)
            self._leaving, self.served = weakref.ref(self.served), None
            self.fingerprint = self.tried = None
            self._notice_release()

    def rest(self) -> None:
        """It is on disk and not wanted."""
        if self.state is State.START:
            self._enter(State.END)

    def mark(self, *, labels: tuple[str, ...], default: bool) -> None:
        """Under which version labels it answers, and whether where no version is named."""
        if (labels, default) != (self._status.labels, self._status.default):
            self._status = dataclasses.replace(self._status, labels=labels, default=default)

    def _notice_release(self) -> None:
        leaving = self._leaving
        if self.state is State.UNLOADING and leaving is not None and leaving() is None:
            self._enter(State.END, self.reason)

    def _enter(self, state: State, reason: str = "") -> None:
        if state not in LEGAL[self.state]:
            raise ValueError(f"{self.state.value} is not followed by {state.value}")
        self._status = dataclasses.replace(
            self._status, state=state, reason=reason, since=time.time()
        )
