"""The board: read when somebody asks, and never waited for longer than a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from edge_server.board import Board
from edge_server.metrics import catalogue
from edge_server.metrics.catalogue import Family

# Sensors answer in milliseconds; one on a bus that hangs may never answer.
PATIENCE = 1.0


class TooSlow(Exception):
    """The board's sensors did not answer in time."""


class BoardPart:
    """Collects the board's families.

    `read` runs in a thread of its own; while one hangs in a driver, no second one is begun.
    """

    def __init__(self, read: Callable[[], Board], *, patience: float = PATIENCE) -> None:
        self._read, self._patience = read, patience
        self._lock = threading.Lock()
        self._reading: _Reading | None = None

    def collect(self) -> Iterator[Family]:
        """Raises what read() raises."""
        return _families(self.read())

    def read(self) -> Board:
        """The board now. Raises TooSlow after `patience` seconds, and what the reading raises."""
        with self._lock:
            if self._reading is None or self._reading.done.is_set():
                self._reading = _Reading(self._read)
            reading = self._reading
        if not reading.done.wait(self._patience):
            raise TooSlow(f"the board's sensors gave no answer within {self._patience:g} s")
        if reading.error is not None:
            raise reading.error
        return reading.board


class _Reading:
    """One reading in the background."""

    def __init__(self, read: Callable[[], Board]) -> None:
        self.done = threading.Event()
        self.board = Board()
        self.error: Exception | None = None
        threading.Thread(target=self._run, args=(read,), name="board", daemon=True).start()

    def _run(self, read: Callable[[], Board]) -> None:
        try:
            self.board = read()
        except Exception as error:
            self.error = error
        finally:
            self.done.set()


def _families(board: Board) -> Iterator[Family]:
    if board.model:
        yield catalogue.BOARD.values(((board.model,), 1))
    yield catalogue.TEMPERATURE.values(*(((z,), t) for z, t in board.temperatures.items()))
    yield catalogue.THROTTLED.values(*board.throttled.items())
    yield catalogue.POWER_EVENTS.values(*(((e,), n) for e, n in board.power_events.items()))
    cooling, clocks = board.cooling.items(), board.clocks.items()
    yield catalogue.COOLING.values(*(((name,), c.state) for name, c in cooling))
    yield catalogue.COOLING_LIMIT.values(*(((name,), c.maximum) for name, c in cooling))
    yield catalogue.CLOCK.values(*(((cpu,), c.current) for cpu, c in clocks))
    yield catalogue.CLOCK_LIMIT.values(
        *(((cpu,), c.maximum) for cpu, c in clocks if c.maximum is not None)
    )
    if board.memory is not None:
        yield catalogue.MEMORY.value(board.memory[0])
        yield catalogue.MEMORY_AVAILABLE.value(board.memory[1])
    if board.load is not None:
        minutes = zip(("1", "5", "15"), board.load, strict=True)
        yield catalogue.LOAD.values(*(((name,), value) for name, value in minutes))
    if board.uptime is not None:
        yield catalogue.UPTIME.value(board.uptime)
