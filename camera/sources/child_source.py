"""What the sources have in common whose pictures come from a process of its own."""

from __future__ import annotations

from typing import ClassVar

from camera.errors import CameraError
from camera.frame import Jpeg
from camera.sources.child import Child


class ChildSource:
    """Reads and closes; open() of each kind starts the `_child`. `WHAT` names it to the user."""

    WHAT: ClassVar[str]
    _child: Child | None = None

    def read(self) -> Jpeg:
        """The next picture. Raises CameraError where none comes."""
        if self._child is None:
            raise CameraError(f"The {self.WHAT} is not open; open it first.")
        return self._child.read()

    def close(self) -> None:
        """Ends the process; allowed at any time."""
        child, self._child = self._child, None
        if child is not None:
            child.close()
