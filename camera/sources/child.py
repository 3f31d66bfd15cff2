"""A process of its own that sends JPEGs as a stream of parts; knows no kind of camera.

It ends with whoever started it: at close, and where this program is killed.
"""

from __future__ import annotations

import functools
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

# Without a byte for so long the camera is gone. Some take their time to start, more so on a slow
# device that is busy, where every attempt would be given up for the next one. Seconds.
_FIRST_TIMEOUT: Final = 25.0
_TIMEOUT: Final = 5.0
# To end by itself, as some cameras are blocked when their process is killed. Seconds.
_FAREWELL: Final = 0.7
_KEPT: Final = 16 * 1024
# Who has not read for so long finds pictures that have waited; those come without a wait. Seconds.
_PAUSE: Final = 0.5
_AT_ONCE: Final = 0.01


class Child:
    """Runs a program until it is closed, and reads its pictures.

    command  the number of the file descriptor that it shall write to -> the program and arguments
    explain  what it wrote to its standard output and error, None where it goes on without a
             picture -> one sentence for the user

    Where Linux ends it with this program, it also does so with the thread that started it.
    Raises CameraError for a program that does not exist, and later where there are no pictures.
    """

    def __init__(
        self, command: Callable[[int], Sequence[str]], explain: Callable[[str | None], str]
    ) -> None:
        self._explain = explain
        self._said = b""
        # Not its standard output, where libraries write what they please.
        self._output, theirs = os.pipe()
        try:
            self._process, self._errors = _start(command(theirs), theirs)
        except CameraError:
            os.close(self._output)
            raise
        finally:
            os.close(theirs)
        self._pictures = multipart.pictures(self)
        self._timeout = _FIRST_TIMEOUT
        self._waited = 0.0
        self._read_at = time.monotonic()

    def read(self) -> Jpeg:
        """The next picture; the newest one after a pause. Raises CameraError where none comes."""
        was_away = time.monotonic() - self._read_at > _PAUSE
        picture = self._next()
        while was_away and self._waited < _AT_ONCE:
            picture = self._next()
        self._read_at = time.monotonic()
        self._timeout = _TIMEOUT
        return picture

    def _next(self) -> Jpeg:
        self._waited = 0.0
        try:
            picture = next(self._pictures, None)
        except TimeoutError:
            raise CameraError(self._explain(None)) from None
        if picture is None:
            self._hear_out()
            raise CameraError(self._explain(self._said.decode("utf-8", "replace")))
        return picture

    def read1(self, size: int) -> bytes:
        """What has come of its pictures, waiting for the first byte; b'' at their end."""
        began = time.monotonic()
        deadline = began + self._timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._errors, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = [key.fd for key, _ in selector.select(left)]
                if self._errors in ready and not self._listen():
                    selector.unregister(self._errors)
                if self._output in ready:
                    self._waited += time.monotonic() - began
                    return os.read(self._output, size)
        raise TimeoutError

    def close(self) -> None:
        """Ends the program and waits for its end; allowed at any time."""
        if self._output < 0:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_FAREWELL)
            except subprocess.TimeoutExpired:
                # The whole session, since it may have started others.
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        for descriptor in (self._output, self._errors):
            os.close(descriptor)
        self._output = self._errors = -1

    def _listen(self) -> bool:
        """Keeps the last of what it says; False at the end of that."""
        more = os.read(self._errors, _KEPT)
        self._said = (self._said + more)[-_KEPT:]
        return bool(more)

    def _hear_out(self) -> None:
        """The rest of what it says, as it may close its output before it ends."""
        deadline = time.monotonic() + _FAREWELL
        with selectors.DefaultSelector() as selector:
            selector.register(self._errors, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                if selector.select(left) and not self._listen():
                    return


def _start(command: Sequence[str], output: int) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and the descriptor where it can be heard."""
    if shutil.which(command[0]) is None:
        raise CameraError(f"There is no program {command[0]} here; install it.")
    heard, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            [*_dies_with_us(), *command],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            pass_fds=[output],
            # What it says is read by `explain`.
            env={**os.environ, "LC_ALL": "C"},
            # Ctrl-C is for this program, which then ends the other one.
            start_new_session=True,
        )
    except OSError as error:
        os.close(heard)
        raise CameraError(f"{command[0]} can't be started: {error.strerror}.") from error
    finally:
        os.close(theirs)
    return process, heard


@functools.cache
def _dies_with_us() -> tuple[str, ...]:
    """Where this program is killed, its pipes close, but a stalled camera writes to none.

    In a sandbox that forbids setpriv (it sets capabilities anew, to what they are) nothing: the
    service's own has systemd, which ends all that a service has started.
    """
    command = ("setpriv", "--pdeathsig", "KILL")
    try:
        works = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        works = False
    return command if works else ()
