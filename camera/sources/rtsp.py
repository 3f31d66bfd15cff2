"""A camera in the network that speaks RTSP, through OpenCV (FFmpeg); knows no threads.

FFmpeg asks for TCP and takes UDP only where the camera refuses it, as OpenCV sets it by itself.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any, Final

from camera.errors import CameraError
from camera.frame import Pixels
from camera.sources.address import parse, reason
from camera.sources.backlog import Backlog, Slices
from camera.sources.opencv import load_cv2, rgb_from_bgr
from camera.sources.rtsp_trouble import PORTS, why_no_video
from camera.sources.standstill import Standstill

# Without an answer or a picture for so long the camera is gone. Seconds.
_TIMEOUT: Final = 8.0
_CONNECT_TIMEOUT: Final = 4.0
# Late pictures are left out for so long at a time: a slow machine still shows some. Seconds.
_CATCH_UP: Final = 1.0
# Each more decodes faster, and makes every picture one interval older.
_THREADS: Final = 2
# Torn pictures in a row; a stream that has ended fails so often at once.
_TRIES: Final = 64

_log = logging.getLogger(__name__)


class RtspSource:
    """H.264, H.265 or MJPEG over RTSP.

    url  rtsp:// or rtsps://, all of it the camera's own; a user and password in it are never shown
    """

    def __init__(self, url: str) -> None:
        """Raises CameraError for an address that is none; it is not repeated there."""
        self._address = parse(url, tuple(PORTS))
        self._capture: Any = None
        self._backlog = Backlog()
        self._slices = Slices()
        self._standstill = Standstill()
        self._warned = False

    def open(self) -> None:
        self.close()
        self._check_reachable()
        cv2 = load_cv2()
        milliseconds = round(1000 * _TIMEOUT)
        capture = cv2.VideoCapture(
            self._address.with_credentials,
            cv2.CAP_FFMPEG,
            [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds),
                *(cv2.CAP_PROP_N_THREADS, _THREADS),
            ],
        )
        # Where not one picture came OpenCV says that it is open, but knows no size.
        if not capture.isOpened() or not capture.get(cv2.CAP_PROP_FRAME_WIDTH):
            capture.release()
            raise CameraError(why_no_video(self._address))
        self._capture = capture
        self._backlog, self._slices, self._warned = Backlog(), Slices(), False
        self._standstill.begin()

    def read(self) -> Pixels:
        if self._capture is None:
            raise CameraError("The camera is not open; open it first.")
        began = time.monotonic()
        failures = 0
        while failures < _TRIES:
            grabbed = self._capture.grab()
            # A picture that comes after this is one that FFmpeg had kept.
            if time.monotonic() - began >= _TIMEOUT:
                break
            if not grabbed:
                failures += 1
            elif self._is_wanted(began):
                done, pixels = self._capture.retrieve()
                if done:
                    self._check_size(pixels)
                    return rgb_from_bgr(pixels)
                failures += 1
        raise CameraError(
            f"{self._address.shown} gives no pictures any more; "
            "check the camera's power and network, it is asked again."
        )

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def describe(self) -> str:
        return f"{self._address.scheme}: {self._address.shown}"

    def _is_wanted(self, began: float) -> bool:
        """Whether the picture that was grabbed is whole, and the newest one."""
        timestamp = self._capture.get(load_cv2().CAP_PROP_POS_MSEC) / 1000.0
        now = time.monotonic()
        if not self._slices.whole(timestamp):
            return False
        if not self._backlog.late(timestamp, now):
            return True
        if now - began < _CATCH_UP:
            return False
        self._backlog.accept()
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s: its pictures come later than they should; choose a smaller stream of it, "
                "or one with fewer pictures a second, if this machine is busy.",
                self._address.shown,
            )
        return True

    def _check_size(self, pixels: Pixels) -> None:
        if load_cv2().__version__.startswith("4.") and self._standstill.suspects(
            pixels, time.monotonic()
        ):
            raise CameraError(
                f"{self._address.shown} may have changed the size of its pictures; "
                "it is opened again."
            )

    def _check_reachable(self) -> None:
        """FFmpeg does not say why it can't connect, and waits for long."""
        where = (self._address.host, self._address.port or PORTS[self._address.scheme])
        try:
            socket.create_connection(where, _CONNECT_TIMEOUT).close()
        except OSError as error:
            raise CameraError(
                f"{self._address.shown} can't be reached: {reason(error, _CONNECT_TIMEOUT)}; "
                "check the camera's power, its network and the address."
            ) from None
