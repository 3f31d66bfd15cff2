"""One model with its versions: which should answer, and what has to be loaded and released for it.

What answers is one immutable value that is replaced as a whole, so requests need no lock and see
either all of a change or nothing of it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from edge_server.errors import BadRequest, EdgeError
from edge_server.inference.served import ServedModel
from edge_server.logs import fields
from edge_server.repository import refusals
from edge_server.repository.directory import ModelFiles, Signature, Source, VersionFiles
from edge_server.repository.loading import Loader, NotWhole
from edge_server.repository.refusals import number_of
from edge_server.repository.slot import Slot
from edge_server.repository.status import State, VersionStatus
from edge_server.repository.trial import TrialUnfinished

_log = logging.getLogger(__name__)

# So long a file that is not whole may stay as it is before it counts as damaged.
_PATIENCE_SECONDS: Final = 30.0
_GONE: Final = "Its files are gone; it goes on until another version is there or it is unloaded."
_FIRST_RETRY_SECONDS: Final = 5.0
_LONGEST_RETRY_SECONDS: Final = 600.0


@dataclass(frozen=True)
class Answers:
    """What answers: by default, by number of the version, and by version label."""

    default: ServedModel | None = None
    numbers: Mapping[int, ServedModel] = field(default_factory=dict)
    labels: Mapping[str, ServedModel] = field(default_factory=dict)


class Model:
    """The versions of one model."""

    def __init__(
        self,
        name: str,
        loader: Loader,
        *,
        pin: int | None = None,
        labels: Mapping[str, int] | None = None,
        settle_seconds: float = 1.0,
    ) -> None:
        """`pin` is the version to serve where no file says one; files count as whole when they
        have not changed for `settle_seconds`."""
        self.name = name
        self._loader, self._pin, self._labels = loader, pin, labels or {}
        self._settle = settle_seconds
        self._slots: dict[int, Slot] = {}
        self._default: int | None = None
        self._unloaded = False
        self._answers = Answers()
        # Held by whoever changes anything, for as long as a load takes.
        self._work = threading.Lock()

    @property
    def available(self) -> bool:
        return self._answers.default is not None

    def get(self, version: str | None = None, label: str | None = None) -> ServedModel:
        """What answers now. Raises BadRequest, ModelNotFound, ModelNotReady."""
        answers = self._answers
        if version is not None and label is not None:
            raise BadRequest("Name a version or a version label, not both.")
        served = answers.default
        if label is not None:
            served = answers.labels.get(label)
        elif version is not None:
            served = answers.numbers.get(number_of(version))
        if served is None:
            raise self._why_not(version, label)
        return served

    def versions(self) -> tuple[VersionStatus, ...]:
        """All versions, newest first."""
        slots = sorted(self._slots.copy().values(), key=lambda slot: -slot.number)
        return tuple(slot.status() for slot in slots)

    def exit_codes(self) -> set[int]:
        """What a command would end with, for each version that failed."""
        return {slot.exit_status for slot in self._slots.values() if slot.reason}

    def follow(self, source: Source, *, at_once: bool = False, trust: bool = False) -> ModelFiles:
        """Make what answers fit the files: load what should answer, release what should not.

        `at_once` takes files as whole that were never seen before, `trust` those that passed a
        trial before. Returns the files. A version that can't be loaded is noted with its reason,
        and not raised; raises OSError where the model's directory can't be read.
        """
        with self._work:
            files = source.model(self.name)
            self._follow(files, at_once, trust)
            return files

    def load(self, source: Source) -> None:
        """Load what was unloaded, and try again what failed. Raises ModelNotReady, OSError."""
        with self._work:
            files = source.model(self.name)
            self._unloaded = False
            for slot in self._slots.values():
                if slot.served is None or slot.reason:
                    slot.tried = None
            self._follow(files, at_once=True, trust=False)
            if not self.available:
                raise self._why_not(None, None)

    def unload(self) -> None:
        """Let go of every version, and load none until load()."""
        with self._work:
            self._unloaded = True
            self._release_all("It was unloaded: load it again.")

    def remove(self) -> None:
        """Let go of every version, since the model is gone."""
        with self._work:
            self._release_all("Its directory is gone.")

    def _release_all(self, reason: str) -> None:
        self._default = None
        self._answers = Answers()
        for slot in self._slots.values():
            slot.release(reason)

    def _follow(self, files: ModelFiles, at_once: bool, trust: bool) -> None:
        self._take_over(files.versions)
        if self._unloaded:
            return
        pin = files.pin if files.pin is not None else self._pin
        candidates = [pin] if pin is not None else sorted(files.versions, reverse=True)
        for number in candidates:
            if number in self._slots and self._ensure(self._slots[number], at_once, trust):
                # Before it, only failed ones and those that are still on their way.
                self._default = number
                break
        for number in self._labels.values():
            if number in files.versions:
                self._ensure(self._slots[number], at_once, trust)
        self._settle_down(files.versions, candidates)

    def _take_over(self, found: Mapping[int, VersionFiles]) -> None:
        for number, files in found.items():
            if number not in self._slots:
                self._slots = self._slots | {number: Slot(self.name, files)}
            slot = self._slots[number]
            slot.files = files
            if slot.reason == _GONE:
                slot.stay()

    def _settle_down(self, found: Mapping[int, VersionFiles], candidates: list[int]) -> None:
        """Publish what answers, then release the rest: in this order there is always an answer."""
        wanted = {number for number in self._labels.values() if number in found}
        # It goes on without its files too, until another takes its place.
        if self._default is not None:
            wanted.add(self._default)
            if self._default not in found:
                self._fail(self._slots[self._default], _GONE)
        loaded = {n: slot.served for n, slot in self._slots.items() if slot.served is not None}
        numbers = {number: served for number, served in loaded.items() if number in wanted}
        self._publish(numbers)
        for number, slot in self._slots.items():
            if number not in wanted:
                slot.release()
                if number not in candidates or number < (self._default or 0):
                    slot.rest()
            named = tuple(label for label, n in self._labels.items() if n == number)
            slot.mark(labels=named if number in numbers else (), default=number == self._default)
        self._slots = {
            number: slot
            for number, slot in self._slots.items()
            if number in found or slot.status().state in (State.AVAILABLE, State.UNLOADING)
        }

    def _publish(self, numbers: dict[int, ServedModel]) -> None:
        labels = {label: numbers[n] for label, n in self._labels.items() if n in numbers}
        default = None if self._default is None else numbers.get(self._default)
        before = self._answers
        self._answers = Answers(default, numbers, labels)
        if default is not None and default is not before.default:
            old = before.default.info.version if before.default else "none"
            info = default.info
            _log.info(
                "the version answers now",
                extra=fields(
                    model=self.name, version=info.version, sha256=info.sha256[:12], before=old
                ),
            )

    def _ensure(self, slot: Slot, at_once: bool, trust: bool) -> bool:
        """Have the newest files of a version loaded; returns whether it can answer."""
        now = time.monotonic()
        try:
            signature = slot.look(now)
        except OSError as error:
            unreadable = f"{slot.files.model.parent} can't be read ({error.strerror})."
            self._fail(slot, unreadable, NotWhole.exit_status, retry=True)
            return slot.served is not None
        if self._should_try(slot, signature, at_once, now):
            self._try(slot, signature, at_once, trust)
        elif slot.is_waiting and now - slot.seen_since > _PATIENCE_SECONDS:
            self._fail(slot, slot.reason, NotWhole.exit_status)
        return slot.served is not None

    def _should_try(self, slot: Slot, signature: Signature, at_once: bool, now: float) -> bool:
        if signature == slot.tried:
            return slot.retry_at is not None and now >= slot.retry_at
        return at_once or now - slot.seen_since >= self._settle

    def _try(self, slot: Slot, signature: Signature, at_once: bool, trust: bool) -> None:
        slot.begin()
        slot.tried = signature
        started = time.monotonic()
        try:
            loaded = self._loader.load(
                slot.files, name=self.name, trust=trust, served_now=slot.fingerprint
            )
        except NotWhole as error:
            if at_once or slot.served is not None:
                self._fail(slot, str(error), error.exit_status)
            else:
                slot.wait(str(error))
        except (TrialUnfinished, OSError) as error:
            self._fail(slot, str(error), retry=True)
        except EdgeError as error:
            self._fail(slot, str(error), error.exit_status)
        except Exception:
            _log.exception("loading failed", extra=fields(model=self.name, version=slot.version))
            self._fail(slot, "The server made a mistake: its log says more.")
        else:
            if loaded is None:
                slot.stay()
            else:
                slot.succeed(loaded.served, loaded.fingerprint, time.monotonic() - started)

    def _fail(self, slot: Slot, reason: str, exit_status: int = 1, *, retry: bool = False) -> None:
        """Note a failure, in the log once; with `retry` it is tried again, less and less often."""
        if retry:
            wait = min(_FIRST_RETRY_SECONDS * 2**slot.failures, _LONGEST_RETRY_SECONDS)
            slot.failures, slot.retry_at = slot.failures + 1, time.monotonic() + wait
        if reason != slot.logged:
            goes_on = "what was loaded goes on" if slot.served else "it stays out"
            _log.error(
                "the version failed, %s",
                goes_on,
                extra=fields(model=self.name, version=slot.version, reason=reason),
            )
        slot.logged = reason
        slot.fail(reason, exit_status)

    def _why_not(self, version: str | None, label: str | None) -> EdgeError:
        if version is None and label is None:
            return refusals.none(self.name, self.versions(), unloaded=self._unloaded)
        number = self._labels.get(label or "") if version is None else number_of(version)
        return refusals.one(self.name, self.versions(), number=number, version=version, label=label)
