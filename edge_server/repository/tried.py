"""Remembers which files passed their trial on this device, so that a start need not repeat it.

A trial costs a second or more of an interpreter's start for each model; what it finds out, that
the runtime survives the file, is the same the next time. The golden samples are run at every load.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import edge_server
from edge_server.inference.loading import LoadOptions
from edge_server.inference.runtime import runtime_info

_KEPT: Final = 256


class Tried:
    """A directory with an empty file for each thing that was tried, in the user's cache."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _default_folder()

    def passed(self, fingerprint: str, options: LoadOptions) -> bool:
        """Whether it was tried with these options, on this machine and runtime."""
        try:
            return self._folder is not None and self._file(fingerprint, options).exists()
        except OSError:
            return False

    def remember(self, fingerprint: str, options: LoadOptions) -> None:
        """Note that it passed; where nothing can be written it will be tried again."""
        with suppress(OSError):
            if self._folder is not None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._file(fingerprint, options).touch()
                self._forget_oldest()

    def _file(self, fingerprint: str, options: LoadOptions) -> Path:
        assert self._folder is not None
        runtime = runtime_info()
        parts = [
            *(fingerprint, options.interpreters, options.threads),
            *(runtime.name, runtime.version, edge_server.__version__),
            *(platform.machine(), sys.version),
        ]
        return self._folder / hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _forget_oldest(self) -> None:
        assert self._folder is not None
        files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-_KEPT]:
            file.unlink(missing_ok=True)


def _default_folder() -> Path | None:
    try:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return None
    return Path(cache) / "edge-server" / "tried"
