"""A video clip as a camera: over and over, in real time; knows nothing of devices."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.opencv import load_cv2, rgb_from_bgr
from camera.sources.pacing import Pacer

_USUAL_FPS = 25.0
_MAX_FPS = 240.0


class FileSource:
    """Plays a clip at its own speed and leaves frames out where decoding is slower than that."""

    def __init__(self, clip: Path) -> None:
        self._clip = clip
        self._capture: Any = None
        self._pacer = Pacer(1.0 / _USUAL_FPS)

    def open(self) -> None:
        self._rewind()
        fps = self._capture.get(load_cv2().CAP_PROP_FPS)
        self._pacer = Pacer(1.0 / playing_speed(fps))

    def read(self) -> Pixels:
        if self._capture is None:
            raise CameraError("The clip is not open; open it first.")
        for _ in range(self._pacer.wait()):
            if not self._capture.grab():
                break
        done, pixels = self._capture.read()
        if not done:
            # Opened anew, since seeking back fails in some containers.
            self._rewind()
            done, pixels = self._capture.read()
        if not done:
            raise CameraError(f"The clip {self._clip} has no pictures; try to play it elsewhere.")
        return rgb_from_bgr(pixels)

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def describe(self) -> str:
        return f"file: {self._clip.name}"

    def _rewind(self) -> None:
        self.close()
        if not self._clip.is_file():
            raise CameraError(f"There is no file {self._clip}; check the path behind file:.")
        capture = load_cv2().VideoCapture(str(self._clip))
        if not capture.isOpened():
            raise CameraError(
                f"The file {self._clip} can't be played; use a video such as MP4 (H.264) or AVI."
            )
        self._capture = capture


def playing_speed(fps: float) -> float:
    """Frames a second to play at: what the clip says, made plausible (1..240, else 25)."""
    if not math.isfinite(fps) or not 0.0 < fps <= _MAX_FPS:
        return _USUAL_FPS
    # Below one a second a camera would count as stalled.
    return max(1.0, fps)
