"""The states of a camera, the legal ways between them, and its status; does nothing by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum


class CameraState(str, Enum):
    """Where a camera is between start and stop."""

    OPENING = "opening"  # being opened; no frame of this attempt yet
    LIVE = "live"  # frames arrive
    STALLED = "stalled"  # open, but the next frame is overdue
    LOST = "lost"  # given up; a new attempt follows after a pause
    CLOSED = "closed"  # not started, or stopped

    def __str__(self) -> str:
        return self.value

    @property
    def shows(self) -> bool:
        """Whether the newest frame, if there is one, stands for what the camera sees."""
        return self in (CameraState.LIVE, CameraState.STALLED)


TRANSITIONS: dict[CameraState, frozenset[CameraState]] = {
    CameraState.CLOSED: frozenset({CameraState.OPENING}),
    CameraState.OPENING: frozenset({CameraState.LIVE, CameraState.LOST, CameraState.CLOSED}),
    CameraState.LIVE: frozenset({CameraState.STALLED, CameraState.LOST, CameraState.CLOSED}),
    CameraState.STALLED: frozenset({CameraState.LIVE, CameraState.LOST, CameraState.CLOSED}),
    CameraState.LOST: frozenset({CameraState.OPENING, CameraState.CLOSED}),
}


def check_transition(old: CameraState, new: CameraState) -> CameraState:
    """`new`, if a camera may go there from `old`, else ValueError."""
    if new not in TRANSITIONS[old]:
        raise ValueError(f"A camera can't go from {old} to {new}.")
    return new


@dataclass(frozen=True)
class CameraStatus:
    """What is known of a camera at one moment.

    description    what the camera is, for people, without credentials
    frames         frames delivered since the start
    fps            frames a second over the last seconds, 0.0 when none came
    last_frame_at  Unix time in seconds of the newest frame, None before the first one
    size           width and height of the newest frame in pixels, None before the first one
    error          one sentence on why there are no frames, None while there is no trouble
    age            seconds since the newest frame was captured, None before the first one
    unseen         frames that a newer one replaced before anybody asked for them
    reconnections  attempts that were begun after the camera had been lost
    """

    state: CameraState
    description: str
    frames: int
    fps: float
    last_frame_at: float | None
    size: tuple[int, int] | None
    error: str | None
    age: float | None = None
    unseen: int = 0
    reconnections: int = 0

    @property
    def shows(self) -> bool:
        """Whether the newest frame still stands for what the camera sees."""
        return self.frames > 0 and self.state.shows

    def trouble(self) -> str:
        """One sentence for the user of a camera that gives no fresh frame."""
        if self.state is CameraState.CLOSED:
            return "The camera is switched off; start it to get a picture."
        if self.last_frame_at is None:
            return self.error or "The camera has no picture yet; try again in a moment."
        since = f"The camera has given no picture since {clock_time(self.last_frame_at)}"
        if self.error:
            return f"{since}: {self.error}"
        return f"{since}; check its cable and power."


def clock_time(unix_seconds: float, now: float | None = None) -> str:
    """Local time as HH:MM:SS, with the day before it when that is not the day of `now`."""
    then = time.localtime(unix_seconds)
    today = time.localtime(time.time() if now is None else now)
    same_day = (then.tm_year, then.tm_yday) == (today.tm_year, today.tm_yday)
    return time.strftime("%H:%M:%S" if same_day else "%Y-%m-%d %H:%M:%S", then)
