"""From the files of a version to a model that is proven, warm, and ready to answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from edge_server import memory
from edge_server.errors import EdgeError, ModelFileError, ModelRefused
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.inference.served import ServedModel
from edge_server.repository import trial, version_options
from edge_server.repository.directory import VersionFiles
from edge_server.repository.trial import TrialCrashed, TrialUnfinished
from edge_server.repository.tried import Tried


class NotWhole(EdgeError):
    """A file is absent, damaged, or still being copied."""

    exit_status = ModelFileError.exit_status


@dataclass(frozen=True)
class Loaded:
    """A model, and what tells its files from others."""

    served: ServedModel
    fingerprint: str


class Loader:
    """Loads versions: looks at the file, tries it in a child, loads exactly what was tried."""

    def __init__(self, options: LoadOptions, tried: Tried | None = None) -> None:
        self._options = options
        self._tried = tried or Tried()
        self._ending = threading.Event()

    def load(
        self,
        files: VersionFiles,
        *,
        name: str,
        trust: bool = False,
        served_now: str | None = None,
    ) -> Loaded | None:
        """A version, ready to answer; None where it is what is served now, by its fingerprint.

        `trust` spares what passed before another trial. Raises NotWhole, TrialUnfinished, OSError,
        and what loading.load() and trial.run() raise.
        """
        before = files.signature()
        options = version_options.for_version(files, self._options)
        try:
            found = loading.read(files.model, options)
        except ModelFileError as error:
            raise NotWhole(str(error)) from error
        if files.signature() != before:
            raise TrialUnfinished(f"{files.model} was changed while it was read.")
        fingerprint = trial.fingerprint(found)
        if fingerprint == served_now:
            return None
        if not (trust and self._tried.passed(fingerprint, options)):
            self._try(files, options, fingerprint)
            self._tried.remember(fingerprint, options)
        # What was read before the trial, not the file, which may be another by now.
        made = loading.make(found, options, name=name, version=files.version)
        memory.trim()  # proving and warming up took more than answering does
        return Loaded(made, fingerprint)

    def _try(self, files: VersionFiles, options: LoadOptions, fingerprint: str) -> None:
        try:
            tried = trial.run(files.model, options, ending=self._ending)
        except TrialCrashed:
            raise
        except (ModelFileError, ModelRefused):
            # Made for the accelerator, it need not run on the CPU that it is tried on.
            if options.delegate is None:
                raise
        else:
            if tried != fingerprint:
                raise TrialUnfinished(f"{files.model} was changed while it was tried.")

    def end(self) -> None:
        """End the trials that run, and let none begin."""
        self._ending.set()
