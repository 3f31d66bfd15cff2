"""A thread that looks for changes now and then. Polling sees what NFS, rsync and links do, too."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Watcher:
    """Calls `look` every so many seconds. No error of it ends the thread."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        self._look, self._seconds = look, seconds
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it has ended."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        logged = ""
        while not self._ending.wait(self._seconds):
            try:
                self._look()
                logged = ""
            except Exception as error:
                if repr(error) != logged:
                    _log.exception("looking for changes of the models failed")
                logged = repr(error)
