"""A CSI camera of a Raspberry Pi, through picamera2 of Raspberry Pi OS in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from camera.sources import picamera2_child
from camera.sources.child import Child
from camera.sources.child_source import ChildSource

# Not the one of the virtual environment, which does not see the packages of apt.
SYSTEM_PYTHON: Final = "/usr/bin/python3"
_SIZE: Final = (1280, 720)


class CsiSource(ChildSource):
    """The camera `number` of those that libcamera knows; JPEGs of the Pi's own encoder.

    size    width and height in pixels, 1280x720 where it is None
    fps     frames a second; None leaves picamera2's choice
    python  the interpreter that has picamera2
    """

    WHAT = "CSI camera"

    def __init__(
        self,
        number: int,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        python: str = SYSTEM_PYTHON,
    ) -> None:
        self._number = number
        self._size = size or _SIZE
        self._fps = fps
        self._python = python

    def open(self) -> None:
        self.close()
        options = ["--camera", str(self._number), "--size", "{}x{}".format(*self._size)]
        if self._fps:
            options += ["--fps", str(self._fps)]
        self._child = Child(
            lambda output: command(self._python, "--output", str(output), *options), self._explain
        )

    def describe(self) -> str:
        fps = f" {self._fps:g} fps" if self._fps else ""
        return f"csi: {self._number} {self._size[0]}x{self._size[1]}{fps}"

    def _explain(self, errors: str | None) -> str:
        if errors is None:
            return (
                f"The CSI camera {self._number} gives no pictures; "
                "check its cable while the power is off."
            )
        said = [line for line in errors.splitlines() if line.strip()]
        for line in said:
            if line.startswith(picamera2_child.MARK):
                return line.removeprefix(picamera2_child.MARK)
        last = f" ({said[-1].strip()})" if said else ""
        return f"The CSI camera {self._number} has stopped{last}; it is started again."


def command(python: str, *options: str) -> list[str]:
    """Runs picamera2's side."""
    # -I keeps this folder off its path, where http.py would be taken for Python's own.
    return [python, "-I", str(Path(picamera2_child.__file__)), *options]
