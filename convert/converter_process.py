"""TensorFlow's converter as a child process: started once, asked for each conversion, ended where
it takes too much, and started again where it died. A crash in it is an exception here.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from convert import memory
from convert.console import Console
from convert.device import device_process
from convert.errors import BuildError

# What free memory may become less by while the converter works; the rest is for everything else.
_SHARE_OF_MEMORY: Final = 0.9
# Seconds between two looks at the child.
_LOOK: Final = 1.0


@dataclass(frozen=True)
class Limits:
    """Seconds for a child that tells of no progress: without using the processor, and of processor
    time. None of the largest classifiers takes a tenth of it."""

    idle: float = 600
    computing: float = 4 * 3600


class ConverterDied(BuildError):
    """The process ended without an answer; `how` completes the sentence "TensorFlow's converter
    ...". `crashed` says that it did so by itself, neither killed nor ended for what it took."""

    def __init__(self, how: str, *, crashed: bool = False) -> None:
        super().__init__(f"TensorFlow's converter {how}.")
        self.how, self.crashed = how, crashed


# The largest resident size, in 10^6 bytes, of all converters that this process has had.
_peak = 0
_running: _Child | None = None


def start() -> None:
    """Start the process, which loads TensorFlow meanwhile, unless it runs already.

    Raises BuildError where it can't be started.
    """
    global _running  # noqa: PLW0603  one process, whoever asks
    if _running is not None and not _running.alive():
        stop()
    if _running is None:
        _running = _Child()


def stop() -> None:
    """End the process, if it runs."""
    global _running  # noqa: PLW0603
    if _running is not None:
        _running.kill()
        _running = None


atexit.register(stop)


def peak_megabytes() -> int | None:
    """The most memory that this process and its converter can have taken together so far, in 10^6
    bytes; their peaks need not have come at the same moment. None where that is not known."""
    own = memory.peak_megabytes()
    return None if own is None else own + _peak


def ask(
    request: dict[str, Any],
    *,
    count: int,
    console: Console,
    title: str,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """The answer to a request as converter_child describes it; a bar shows `count` steps to it.

    Raises ConverterDied where the process crashes, is killed, or takes more than `limits` or than
    nine tenths of the memory that was free when it was asked. Whatever is raised here, the process
    is dead afterwards.
    """
    global _peak  # noqa: PLW0603
    start()
    child = _running
    assert child is not None
    try:
        answer: dict[str, Any] = {}
        for message in console.bar(child.messages(request, limits or Limits()), count, title):
            answer = message
    except BaseException:
        child.pass_noise_on()
        stop()
        raise
    child.pass_noise_on()
    _peak = max(_peak, answer.get("peak_memory_mb") or 0)
    return answer


class _Child:
    """A running converter_child."""

    def __init__(self) -> None:
        self._noise: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        home = device_process.home_for(None, Path())
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "convert.converter_child", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._noise,
                # `-m` looks into the current directory first, which may hold another edge_server.
                cwd=home,
                env=device_process.environment(None, home),
            )
        except OSError as error:
            raise BuildError(f"{sys.executable} can't be started ({error.strerror}).") from error
        self._passed_on = 0

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._noise):
            assert stream is not None
            with suppress(OSError):
                stream.close()

    def pass_noise_on(self) -> None:
        """What it wrote to standard error goes to that of this process."""
        self._noise.seek(self._passed_on)
        text = self._noise.read()
        self._passed_on += len(text)
        sys.stderr.flush()
        os.write(2, text)

    def messages(self, request: dict[str, Any], limits: Limits) -> Iterator[dict[str, Any]]:
        """What it says to a request; the last is the answer."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # how it died is told where its answer is read
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        for line in self._lines(limits):
            message = json.loads(line)
            yield message
            if "done" not in message:
                return
        raise self._death()

    def _lines(self, limits: Limits) -> Iterator[bytes]:
        """Lines as they come, until it ends. Raises ConverterDied where it is over a limit."""
        assert self._process.stdout is not None
        rest = b""
        watch = _Watch(self._process.pid, limits)
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                silent = not selector.select(_LOOK)
                watch.look(silent=silent)
                if silent:
                    continue
                chunk = os.read(self._process.stdout.fileno(), 65536)
                if not chunk:
                    return
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines

    def _death(self) -> ConverterDied:
        status = self._process.wait()
        if status == -signal.SIGKILL:
            return ConverterDied(
                "was killed, most likely by the system for want of memory: convert on a machine "
                "that has more of it free"
            )
        if status < 0:
            return ConverterDied(f"crashed ({_name(-status)})", crashed=True)
        self._noise.seek(0)
        words = self._noise.read().decode("utf-8", "replace").strip().splitlines()
        said = f" ({words[-1]})" if words else ""
        return ConverterDied(f"ended with exit status {status}{said}")


class _Watch:
    """What a child takes; raises ConverterDied where it is over a limit."""

    def __init__(self, process: int, limits: Limits) -> None:
        self._process, self._limits = process, limits
        free = memory.available_bytes()
        # Bytes that it may take; None where that is not known.
        self._most = (
            None if free is None else memory.resident_bytes(process) + int(_SHARE_OF_MEMORY * free)
        )
        self._looked = time.monotonic()
        self._begun = self._last = memory.cpu_seconds(process)
        self._idle = 0.0

    def look(self, *, silent: bool) -> None:
        """`silent` says that it told of no progress for a second."""
        if silent or time.monotonic() - self._looked > _LOOK:
            self._looked = time.monotonic()
            self._look_at_memory()
        if silent:
            self._look_at_time()
        else:
            self._begun = self._last = memory.cpu_seconds(self._process)
            self._idle = 0.0

    def _look_at_memory(self) -> None:
        taken = memory.resident_bytes(self._process)
        if self._most is not None and taken > self._most:
            raise ConverterDied(
                f"had taken {taken / 1e9:.1f} GB, and no more than {self._most / 1e9:.1f} GB of "
                "memory were free for it, so it was ended: convert on a machine that has more free"
            )

    def _look_at_time(self) -> None:
        used = memory.cpu_seconds(self._process)
        # Counted in looks: while this process is stopped itself (Ctrl-Z), time does not count.
        self._idle = self._idle + _LOOK if used == self._last else 0.0
        self._last = used
        if used is None or self._begun is None:  # the system does not tell idling from computing
            if self._idle >= self._limits.computing:
                raise ConverterDied(f"came to no end in {self._idle:.0f} seconds and was ended")
            return
        if self._idle >= self._limits.idle:
            raise ConverterDied(f"did nothing for {self._idle:.0f} seconds and was ended")
        if used - self._begun >= self._limits.computing:
            raise ConverterDied(
                f"came to no end in {used - self._begun:.0f} seconds of processor time and was "
                "ended"
            )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
