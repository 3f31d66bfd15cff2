"""What of the live answers and the camera's states is new to one who follows."""

from __future__ import annotations

import time
from typing import Final

from camera.grabber import CameraState, Grabber
from edge_server.inference.served import ModelInfo
from edge_server.live.answer import LiveAnswer
from edge_server.live.live import MAX_FRAME_AGE, Live

# How soon a change of the camera's state is seen while no answers come. Seconds.
_LOOK_UP: Final = 0.5


class News:
    """What one follower has not been told yet. For one thread; within Live.following()."""

    def __init__(self, grabber: Grabber, live: Live, *, every: bool = False) -> None:
        """`every` answer is news, not only one of another label, sureness or model."""
        self._grabber, self._live, self._every = grabber, live, every
        last = live.last
        # An answer from before somebody followed is no news; a slow model's are old and are.
        is_old = last is not None and last.frame.age() > MAX_FRAME_AGE
        self._number = last.frame.number if last is not None and is_old else 0
        self._told: tuple[str, bool, ModelInfo] | None = None
        self._state: CameraState | None = None

    @property
    def ended(self) -> bool:
        """Whether there will be no more."""
        return self._live.stopped

    def wait(self, timeout: float = _LOOK_UP) -> tuple[LiveAnswer | None, CameraState | None]:
        """The answer and the state of the camera, each if it is news; at once, or at `timeout` (s).

        A camera that is back has its first answer told, whatever that is.
        """
        until = time.monotonic() + timeout
        while not self.ended:
            state = self._new_state()
            left = 0.0 if state is not None else max(0.0, until - time.monotonic())
            answer = self._new_answer(min(left, _LOOK_UP))
            if answer is not None or state is not None or left == 0.0:
                return answer, state
        return None, None

    def _new_state(self) -> CameraState | None:
        state = self._grabber.status().state
        if state is self._state:
            return None
        self._state = state
        if state not in (CameraState.LIVE, CameraState.STALLED):
            self._told = None
        return state

    def _new_answer(self, timeout: float) -> LiveAnswer | None:
        answer = self._live.wait_for_newer(self._number, timeout)
        if answer is None:
            return None
        self._number = answer.frame.number
        tells = (answer.label, answer.sure, answer.model)
        if tells == self._told and not self._every:
            return None
        self._told = tells
        return answer
