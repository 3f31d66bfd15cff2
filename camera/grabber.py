"""Keeps the newest frame of one source, whatever the source does: stalls, fails, hangs, comes back.

Knows nothing of encodings and viewers.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from camera.backoff import Backoff
from camera.bell import Bell
from camera.frame import Frame, Picture
from camera.reader import Reader
from camera.sources.source import Source
from camera.state import CameraState, CameraStatus, check_transition

__all__ = ["CameraState", "CameraStatus", "Grabber"]

_log = logging.getLogger(__name__)

_FPS_WINDOW = 3.0
_JOIN_READER = 1.0
_JOIN_SUPERVISOR = 1.8
# Each attempt that hangs for ever costs a thread, so their number is bounded over months.
_MAX_STUCK = 4


class Grabber:
    """One thread reads the source always and keeps only the newest frame; a second one watches it.

    stall_after   seconds without a frame until the state is `stalled`
    lost_after    seconds without a frame until the attempt is given up (`lost`) and begun anew
    open_timeout  seconds from the beginning of an attempt to its first frame
    backoff       the pauses between attempts
    clock         monotonic seconds; wall_clock: Unix seconds
    news          the bell that is rung when a frame has come, and at the end

    All methods may be called from any thread. Where an attempt hangs in the source, the next one
    runs on a copy.copy() of the source as it was given, so the two never share a device handle.
    """

    def __init__(
        self,
        source: Source,
        *,
        name: str = "camera",
        stall_after: float = 2.0,
        lost_after: float = 5.0,
        open_timeout: float = 30.0,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        if not 0 < stall_after <= lost_after or open_timeout <= 0:
            raise ValueError("0 < stall_after <= lost_after and 0 < open_timeout are needed.")
        self.name = name
        self.news = Bell()
        self._source = source
        self._unopened = copy.copy(source)
        self._stall_after = stall_after
        self._lost_after = lost_after
        self._open_timeout = open_timeout
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._wall_clock = wall_clock

        self._lock = threading.Lock()
        self._newer = threading.Condition(self._lock)  # a frame came, or the end
        self._for_supervisor = threading.Condition(self._lock)
        self._supervisor: threading.Thread | None = None
        self._stopping = False
        self._state = CameraState.CLOSED
        self._reader: Reader | None = None
        self._failure: str | None = None  # why the current attempt ended
        self._error: str | None = None  # what the status says
        self._progress_at = 0.0  # begin of the attempt, then its newest frame
        self._frame: Frame | None = None
        self._times: deque[float] = deque(maxlen=1024)
        self._stuck: list[Reader] = []
        self._seen = self._unseen = self._reconnections = 0

    def __enter__(self) -> Grabber:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begins to open the source and returns at once; does nothing when already started."""
        with self._lock:
            if self._supervisor is not None:
                return
            self._stopping = False
            self._go(CameraState.OPENING)
            self._supervisor = threading.Thread(target=self._supervise, name=self.name, daemon=True)
            self._supervisor.start()

    def stop(self) -> None:
        """Closes the source; returns within 2 s, leaving a read that blocks alone."""
        with self._lock:
            supervisor = self._supervisor
            self._stopping = True
            self._newer.notify_all()
            self._for_supervisor.notify_all()
        self.news.ring()
        if supervisor is not None:
            supervisor.join(_JOIN_SUPERVISOR)
            with self._lock:
                self._supervisor = None

    def latest(self) -> Frame | None:
        """The newest frame, however old it is; None before the first one."""
        with self._lock:
            return self._hand_out()

    def wait_for_newer(self, number: int, timeout: float) -> Frame | None:
        """The newest frame once its number is above `number`; None at `timeout` (s) or stop."""
        with self._newer:
            self._newer.wait_for(lambda: self.stopped or self._is_newer(number), timeout)
            return self._hand_out() if self._is_newer(number) and not self.stopped else None

    @property
    def stopped(self) -> bool:
        """Whether it does not run, or is about to end."""
        return self._supervisor is None or self._stopping

    @property
    def shows(self) -> bool:
        """Whether the newest frame still stands for what the camera sees."""
        return self._frame is not None and self._state.shows

    def status(self) -> CameraStatus:
        """The state of the camera and what it delivers."""
        with self._lock:
            frame = self._frame
            return CameraStatus(
                state=self._state,
                description=self._source.describe(),
                frames=frame.number if frame else 0,
                fps=self._fps(),
                last_frame_at=frame.captured_at if frame else None,
                size=frame.size if frame else None,
                error=self._error,
                age=frame.age(self._clock()) if frame else None,
                unseen=self._unseen,
                reconnections=self._reconnections,
            )

    def _hand_out(self) -> Frame | None:
        self._seen = self._frame.number if self._frame else 0
        return self._frame

    def _is_newer(self, number: int) -> bool:
        return self._frame is not None and self._frame.number > number

    def _fps(self) -> float:
        since = self._clock() - _FPS_WINDOW
        recent = [at for at in self._times if at >= since]
        if len(recent) < 2 or recent[-1] <= recent[0]:
            return 0.0
        return (len(recent) - 1) / (recent[-1] - recent[0])

    def _go(self, state: CameraState) -> None:
        old, self._state = self._state, check_transition(self._state, state)
        level = (
            logging.WARNING if state in (CameraState.LOST, CameraState.STALLED) else logging.INFO
        )
        why = f" {self._error}" if self._error else ""
        _log.log(level, "%s: %s -> %s%s", self.name, old, state, why)

    def _supervise(self) -> None:
        failures = 0
        while True:
            began = self._clock()
            reader = self._begin()
            failure = self._watch()
            reader.abandon()
            if failure is None:
                reader.join(_JOIN_READER)
                self._retire(reader)
                with self._lock:
                    self._reader = None
                    self._error = None
                    self._go(CameraState.CLOSED)
                return
            with self._lock:
                self._reader = None
                self._error = failure
                self._go(CameraState.LOST)
            # A camera that worked for a while starts anew with a short pause.
            held = self._clock() - began > self._open_timeout + self._lost_after
            failures = 1 if held else failures + 1
            if not self._pause(reader, self._backoff.pause(failures)):
                with self._lock:
                    self._go(CameraState.CLOSED)
                return
            with self._lock:
                self._reconnections += 1
                self._go(CameraState.OPENING)

    def _begin(self) -> Reader:
        with self._lock:
            reader = Reader(
                self._source,
                name=f"{self.name}-reader",
                on_picture=self._deliver,
                on_failure=self._failed,
            )
            self._reader = reader
            self._failure = None
            self._progress_at = self._clock()
        try:
            reader.start()
        except RuntimeError:
            self._failed(reader, "There is no thread left to read the camera; restart the program.")
        return reader

    def _watch(self) -> str | None:
        """Returns when the attempt is over: a sentence that says why, or None when stopped."""
        with self._for_supervisor:
            while not self._stopping:
                if self._failure is not None:
                    return self._failure
                silent = self._clock() - self._progress_at
                if self._state is CameraState.OPENING:
                    deadline = self._open_timeout
                elif self._state is CameraState.LIVE and silent < self._stall_after:
                    deadline = self._stall_after
                else:
                    deadline = self._lost_after
                if silent >= deadline:
                    return (
                        f"The camera has given no picture for {silent:.0f} s; "
                        "check its cable and power, it is reopened by itself."
                    )
                if self._state is CameraState.LIVE and silent >= self._stall_after:
                    self._go(CameraState.STALLED)
                self._for_supervisor.wait(deadline - silent)
            return None

    def _pause(self, reader: Reader, seconds: float) -> bool:
        """Waits until the next attempt may begin; False when stopped."""
        with self._for_supervisor:
            if self._for_supervisor.wait_for(lambda: self._stopping, seconds):
                return False
        self._retire(reader)
        while True:
            self._stuck = [stuck for stuck in self._stuck if stuck.alive]
            if len(self._stuck) < _MAX_STUCK:
                return True
            with self._for_supervisor:
                self._error = (
                    f"The camera's driver has not answered {len(self._stuck)} attempts; "
                    "unplug the camera and plug it in, and if that does not help restart."
                )
                if self._for_supervisor.wait_for(lambda: self._stopping, seconds):
                    return False

    def _retire(self, reader: Reader) -> None:
        """Leaves a reader that still hangs alone with its source."""
        if reader.alive:
            with self._lock:
                self._stuck.append(reader)
                self._source = copy.copy(self._unopened)

    def _deliver(self, reader: Reader, picture: Picture) -> None:
        captured_at, captured_monotonic = self._wall_clock(), self._clock()
        with self._lock:
            if reader is not self._reader or self._stopping:
                return
            number = self._frame.number + 1 if self._frame else 1
            self._unseen += number - 1 > self._seen
            self._frame = Frame(picture, number, captured_at, captured_monotonic)
            self._times.append(captured_monotonic)
            self._progress_at = captured_monotonic
            if self._state is not CameraState.LIVE:
                self._error = None
                self._go(CameraState.LIVE)
                # From now on the supervisor's deadline is that of a live camera.
                self._for_supervisor.notify_all()
            self._newer.notify_all()
        self.news.ring()

    def _failed(self, reader: Reader, sentence: str) -> None:
        with self._lock:
            if reader is self._reader:
                self._failure = sentence
                self._for_supervisor.notify_all()
