"""The thread that makes pictures, so that nobody who sends them waits; knows no pictures."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

_log = logging.getLogger(__name__)

# A thread without work for so long ends. Seconds.
_IDLE: Final = 5.0


class Painter:
    """Does one job at a time, the oldest first; `done` is called after each. For any thread."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._changed = threading.Condition()
        self._jobs: OrderedDict[Hashable, Callable[[], object]] = OrderedDict()
        self._at_work: Hashable = self  # which is nobody's key
        self._there = False

    def want(self, key: Hashable, job: Callable[[], object]) -> None:
        """Have a job done soon, unless there is one of this key already.

        That one may have begun with what was there before: whoever needs newer wants it again.
        """
        with self._changed:
            if key in self._jobs or key == self._at_work:
                return
            self._jobs[key] = job
            if self._there:
                self._changed.notify()
                return
            self._there = True
        try:
            threading.Thread(target=self._run, name="painter", daemon=True).start()
        except RuntimeError:  # the system has no more threads; one may be there later
            with self._changed:
                self._there = False
                self._jobs.clear()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:
                _log.exception("a picture could not be made")
            with self._changed:
                self._at_work = self
            self._done()

    def _next(self) -> Callable[[], object] | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._jobs, _IDLE):
                self._there = False
                return None
            self._at_work, job = self._jobs.popitem(last=False)
            return job
