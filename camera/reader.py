"""One attempt at a source, open to close, in a thread that can be abandoned; decides nothing.

A read that blocks in a driver can't be interrupted from Python, so it is left alone with its
source: what it delivers later is dropped, and it closes its source when it comes back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from camera.errors import CameraError
from camera.frame import Picture
from camera.sources.source import Source

_log = logging.getLogger(__name__)


class Reader:
    """Opens `source`, hands every picture to `on_picture`, and closes it in the end.

    Both callbacks run in the reader's thread: `on_picture(reader, picture)` for each picture, and
    `on_failure(reader, sentence)` at most once, before the source is closed.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str,
        on_picture: Callable[[Reader, Picture], None],
        on_failure: Callable[[Reader, str], None],
    ) -> None:
        self._source = source
        self._on_picture = on_picture
        self._on_failure = on_failure
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def abandon(self) -> None:
        """Ends the attempt as soon as the call in progress returns; does not wait for it."""
        self._abandoned.set()

    def join(self, timeout: float) -> bool:
        """Waits at most `timeout` seconds; True if the thread has ended and closed the source."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self.alive

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._source.open()
            while not self._abandoned.is_set():
                picture = self._source.read()
                if not self._abandoned.is_set():
                    self._on_picture(self, picture)
        except CameraError as error:
            self._fail(str(error))
        except Exception as error:
            # Whatever a driver or a source throws, the camera must come back by itself.
            _log.exception("%s: the source failed in a way it does not explain", self._thread.name)
            self._fail(
                f"The camera failed with {type(error).__name__}; "
                "check its connection, and see the log for the cause."
            )
        finally:
            self._close()

    def _fail(self, sentence: str) -> None:
        if not self._abandoned.is_set():
            self._on_failure(self, sentence)

    def _close(self) -> None:
        try:
            self._source.close()
        except Exception:
            _log.exception("%s: closing the source failed", self._thread.name)
