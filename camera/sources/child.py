"""A process of its own that sends JPEGs as a stream of parts; knows no kind of camera.

It ends with whoever started it: at close, and where this program is killed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

from camera.errors import CameraError
from camera.frame import Jpeg
from camera.sources import multipart

# Without a byte for so long the camera is gone. Seconds.
_TIMEOUT: Final = 10.0
# To end by itself, as some cameras are blocked when their process is killed. Seconds.
_FAREWELL: Final = 0.7
_KEPT_ERRORS: Final = 16 * 1024
# Who has not read for so long finds pictures that have waited; those come without a wait. Seconds.
_PAUSE: Final = 0.5
_AT_ONCE: Final = 0.01


class Child:
    """Runs `command` until it is closed, and reads its pictures.

    explain  what it wrote to its standard error, None where it goes on without a picture -> one
             sentence for the user

    Raises CameraError for a program that does not exist, and later where there are no pictures.
    """

    def __init__(self, command: Sequence[str], explain: Callable[[str | None], str]) -> None:
        self._explain = explain
        self._errors = b""
        if shutil.which(command[0]) is None:
            raise CameraError(f"There is no program {command[0]} here; install it.")
        try:
            self._process = subprocess.Popen(
                [*_dies_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Its errors are read by `explain`.
                env={**os.environ, "LC_ALL": "C"},
                # Ctrl-C is for this program, which then ends the other one.
                start_new_session=True,
            )
        except OSError as error:
            raise CameraError(
                f"The program {command[0]} can't be started: {error.strerror}."
            ) from error
        self._pictures = multipart.pictures(self)
        self._waited = 0.0
        self._read_at = time.monotonic()

    def read(self) -> Jpeg:
        """The next picture; the newest one after a pause. Raises CameraError where none comes."""
        was_away = time.monotonic() - self._read_at > _PAUSE
        picture = self._next()
        while was_away and self._waited < _AT_ONCE:
            picture = self._next()
        self._read_at = time.monotonic()
        return picture

    def _next(self) -> Jpeg:
        self._waited = 0.0
        try:
            picture = next(self._pictures, None)
        except TimeoutError:
            raise CameraError(self._explain(None)) from None
        if picture is None:
            self._drain()
            raise CameraError(self._explain(self._errors.decode("utf-8", "replace")))
        return picture

    def read1(self, size: int) -> bytes:
        """What has come on standard output, waiting for the first byte; b'' at its end."""
        began = time.monotonic()
        deadline = began + _TIMEOUT
        with selectors.DefaultSelector() as selector:
            output, errors = self._pipes()
            selector.register(output, selectors.EVENT_READ)
            selector.register(errors, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = [key.fd for key, _ in selector.select(left)]
                if errors in ready and not self._keep_errors(errors):
                    selector.unregister(errors)
                if output in ready:
                    self._waited += time.monotonic() - began
                    return os.read(output, size)
        raise TimeoutError

    def close(self) -> None:
        """Ends the process and waits for its end; allowed at any time."""
        process = self._process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_FAREWELL)
        # The whole session, since it may have started others.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def _pipes(self) -> tuple[int, int]:
        output, errors = self._process.stdout, self._process.stderr
        if output is None or errors is None or output.closed:
            raise TimeoutError
        return output.fileno(), errors.fileno()

    def _keep_errors(self, descriptor: int) -> bool:
        more = os.read(descriptor, _KEPT_ERRORS)
        self._errors = (self._errors + more)[-_KEPT_ERRORS:]
        return bool(more)

    def _drain(self) -> None:
        """The rest of its errors, as it closes its output before it ends."""
        deadline = time.monotonic() + _FAREWELL
        _, errors = self._pipes()
        with selectors.DefaultSelector() as selector:
            selector.register(errors, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                if selector.select(left) and not self._keep_errors(errors):
                    return


def _dies_with_us() -> list[str]:
    """Where this program is killed, its pipes close, but a stalled camera writes to none."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
