"""Pictures of a GStreamer pipeline, which the system's gst-launch-1.0 runs; knows no Jetson.

OpenCV's wheels are built without GStreamer, and so would be every other one from PyPI.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import Final

from camera.errors import CameraError
from camera.sources.child import Child
from camera.sources.child_source import ChildSource
from camera.sources.gstreamer_trouble import explain

_LAUNCH: Final = "gst-launch-1.0"
_SYNTAX: Final = "gstreamer:v4l2src device=/dev/video0 ! videoconvert"
# What can't be encoded in time is left out, so that no picture waits.
_NEWEST: Final = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0"
_OUTPUT: Final = "multipartmux boundary=picture ! fdsink"


class GStreamerSource(ChildSource):
    """A pipeline without a sink, as gst-launch-1.0 takes it; no shell sees it.

    Where it ends in JPEGs (`... ! image/jpeg`, or an encoder) they are passed on as they are.
    """

    WHAT = "pipeline"

    def __init__(self, pipeline: str, *, description: str | None = None) -> None:
        """Raises CameraError for a text that is no pipeline."""
        try:
            self._words = shlex.split(pipeline)
        except ValueError as error:
            raise CameraError(
                f"A quotation mark of the pipeline is not closed; write it as {_SYNTAX}."
            ) from error
        if not self._words or "!" in (self._words[0], self._words[-1]):
            raise CameraError(f"A pipeline is elements with ! between them, such as {_SYNTAX}.")
        self._description = description or f"gstreamer: {_elements(self._words)}"

    def open(self) -> None:
        self.close()
        if shutil.which(_LAUNCH) is None:
            raise CameraError(
                f"This needs {_LAUNCH}; run sudo apt-get install gstreamer1.0-tools "
                "gstreamer1.0-plugins-base gstreamer1.0-plugins-good."
            )
        rest = f"! {_NEWEST} ! {encoding(self._words)}{_OUTPUT}".split()
        self._child = Child(
            lambda output: [_LAUNCH, "-q", *self._words, *rest, f"fd={output}"], explain
        )

    def describe(self) -> str:
        return self._description


def encoding(words: list[str]) -> str:
    """The elements that make JPEGs of what a pipeline ends in, with a ! behind them; may be ''."""
    last = words[len(words) - words[::-1].index("!") :] if "!" in words else words
    if re.search(r"jpe?g", last[0]) and "dec" not in last[0]:
        return ""
    if not _exists("nvjpegenc"):
        return "videoconvert ! jpegenc ! "
    if last[0].startswith("nv") or "memory:NVMM" in last[0]:
        return "nvvidconv ! video/x-raw(memory:NVMM),format=I420 ! nvjpegenc ! "
    return "videoconvert ! video/x-raw,format=I420 ! nvjpegenc ! "


def _exists(element: str) -> bool:
    try:
        asked = subprocess.run(
            ["gst-inspect-1.0", "--exists", element], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _elements(words: list[str]) -> str:
    """The names of the elements alone, since their properties may hold a password."""
    first = [word for before, word in zip(["!", *words], words, strict=False) if before == "!"]
    return " ! ".join(word.partition(",")[0] for word in first)
