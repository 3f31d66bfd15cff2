"""What a person sees of a conversion: steps with their times, progress bars, silence otherwise."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TextIO, TypeVar

from tqdm import tqdm

from camera.command import spelled

T = TypeVar("T")


class Console:
    """Writes to standard error, also while quiet() keeps libraries from doing so."""

    def __init__(self) -> None:
        self._stream: TextIO = sys.stderr
        self._captured = ""
        self.interrupted = False
        # Each finished step with its seconds, for the report.
        self.steps: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Being terminated raises KeyboardInterrupt, as Ctrl-C does, and is remembered.

        TensorFlow's native code swallows the exception or makes another of it.
        """

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self.interrupted = True
            raise KeyboardInterrupt

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, interrupt) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def say(self, text: str = "") -> None:
        """Print a line, its commands as they are typed on this machine."""
        print(spelled(text), file=self._stream, flush=True)

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A line with how long the block took, when it is done.

        Raises KeyboardInterrupt where an interrupt was asked for and swallowed in the block.
        """
        started = time.perf_counter()
        yield
        if self.interrupted:
            raise KeyboardInterrupt
        self.steps.append((title, time.perf_counter() - started))
        self.say(f"  {title:<58} {self.steps[-1][1]:6.1f} s")

    def bar(self, items: Iterable[T], total: int, title: str, unit: str = "photo") -> Iterator[T]:
        """The items, with a progress bar on a terminal."""
        yield from tqdm(
            items,
            total=total,
            desc=f"  {title}",
            unit=unit,
            leave=False,
            file=self._stream,
            disable=not total or not self._stream.isatty(),
            dynamic_ncols=True,
        )

    @contextlib.contextmanager
    def quiet(self, *, enabled: bool = True) -> Iterator[None]:
        """Keeps what native code and loggers write to standard output and error in a file.

        TensorFlow's libraries write past Python, so the descriptors themselves are replaced.
        What was written is at hand afterwards as `last_words()`.
        """
        if not enabled:
            yield
            return
        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(1), os.dup(2)]
        outer = self._stream
        with (
            tempfile.TemporaryFile() as sink,
            os.fdopen(os.dup(saved[1]), "w", encoding="utf-8", errors="replace") as own,
        ):
            self._stream = own
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            try:
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                for target, copy in zip((1, 2), saved, strict=True):
                    os.dup2(copy, target)
                    os.close(copy)
                self._stream = outer
                sink.seek(0)
                self._captured = sink.read().decode("utf-8", "replace")

    def last_words(self, lines: int = 5) -> str:
        """The last lines that quiet() kept, for an error's explanation."""
        kept = [line for line in self._captured.splitlines() if line.strip()]
        return "\n".join(kept[-lines:])
