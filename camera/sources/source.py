"""What every source of pictures can do; knows no source."""

from __future__ import annotations

from typing import Protocol

from camera.frame import Picture


class Source(Protocol):
    """Four verbs. open, read and close are called from one thread at a time; describe from any.

    A source can be opened again after close. `copy.copy` of a source that was never opened is
    another source of the same kind, so that a hanging one can be left behind.
    """

    def open(self) -> None:
        """Gets ready to read; may take seconds. Raises CameraError."""

    def read(self) -> Picture:
        """The next picture, as uint8 (H, W, 3) RGB or as a JPEG, at the source's own pace.

        Blocks until there is one; its size may change. An array is the caller's, and a source
        does not write to it afterwards. Raises CameraError, after which the source is closed.
        """

    def close(self) -> None:
        """Gives the device back; allowed at any time, also twice or before open."""

    def describe(self) -> str:
        """What this is, for people, in a few words without credentials; never blocks or raises."""
