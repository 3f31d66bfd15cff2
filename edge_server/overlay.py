"""Live answers in words for the camera's pictures; knows neither pixels nor HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from camera.caption import Caption
from edge_server.live import Live, LiveAnswer

# An answer about what was seen earlier would be wrong on what is seen now. Seconds.
MAX_AGE: Final = 2.0


def caption_of(answer: LiveAnswer | None) -> Caption | None:
    """Label and confidence; None without an answer, or where its frame is older than 2 s.

    A label of which no letter can be written is named by the class's number; one that is not sure
    has a question mark.
    """
    if answer is None or answer.frame.age() > MAX_AGE:
        return None
    best, mark = answer.classification.top[0], "" if answer.sure else "?"
    return Caption(
        f"{best.label}{mark}", f"{best.confidence:.0%}", instead=f"class {best.index}{mark}"
    )


def newest(live: Live) -> Callable[[], Caption | None]:
    """What is to be written now."""
    return lambda: caption_of(live.last)
