"""A USB camera on Linux: what to ask it for, and its pictures; knows nothing of reconnection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from camera.errors import CameraError
from camera.frame import Picture
from camera.sources.v4l2.capture import Capture
from camera.sources.v4l2.device import Device
from camera.sources.v4l2.offer import FORMATS, USUAL_FPS, Choice, Offer, choose, shown
from camera.sources.v4l2.pixels import Layout

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Given:
    """What the camera gives, which may be something else than was asked."""

    code: str
    size: tuple[int, int]
    fps: float | None

    def __str__(self) -> str:
        fps = f" {self.fps:.3g} fps" if self.fps else ""
        return f"{self.code} {self.size[0]}x{self.size[1]}{fps}"


class UsbSource:
    """A camera by its number or device path. MJPG is handed on as the camera encoded it.

    size          width and height in pixels; None: the camera's nearest to 1280x720
    fps           frames a second; None: the camera's nearest to 30
    pixel_format  a FOURCC of FORMATS; None: the first of them that the camera has
    opener        opens the device at a path
    """

    def __init__(
        self,
        device: int | str,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        pixel_format: str | None = None,
        opener: Callable[[str], Device] = Device,
    ) -> None:
        self._path = f"/dev/video{device}" if isinstance(device, int) else device
        self._size = size
        self._fps = fps
        self._format = pixel_format
        self._opener = opener
        self._capture: Capture | None = None
        self._given: Given | None = None
        self._warned: str | None = None

    def open(self) -> None:
        self.close()
        capture = self._capture = Capture(self._path)
        try:
            capture.open(self._set_up, self._opener)
        except BaseException:
            self.close()
            raise

    def read(self) -> Picture:
        capture = self._capture
        if capture is None:
            raise CameraError("The USB camera is not open; open it first.")
        return capture.read()

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is None:
            return
        capture.close()
        if capture.torn or capture.skipped:
            _log.info(
                "%s: left out %d torn and %d overtaken pictures",
                self._path,
                capture.torn,
                capture.skipped,
            )

    def describe(self) -> str:
        given, capture = self._given, self._capture
        text = f"usb: {self._path} {given or self._asked()}".rstrip()
        if capture is not None and capture.torn:
            text += f", {capture.torn} torn left out"
        return text

    def _asked(self) -> str:
        size = f"{self._size[0]}x{self._size[1]}" if self._size else ""
        fps = f"{self._fps:g} fps" if self._fps else ""
        return " ".join(word for word in (self._format or "", size, fps) if word)

    def _set_up(self, device: Device) -> Layout:
        offers = device.offers()
        choice = choose(offers, self._format, self._size)
        if choice is None or not device.streams:
            raise CameraError(
                f"The camera {self._path} has no pixel format that is known here "
                f"({_codes(offers)}); use one with {', '.join(FORMATS)}."
            )
        layout = device.set_format(choice.code, choice.size)
        if layout.code not in FORMATS:
            raise CameraError(
                f"The camera {self._path} gives {layout.code} in place of {choice.code}; "
                f"choose another format of {_codes(offers)}."
            )
        given = Given(layout.code, layout.size, device.set_rate(self._fps or USUAL_FPS))
        self._given = given
        self._warn(choice, given, offers)
        return layout

    def _warn(self, choice: Choice, given: Given, offers: list[Offer]) -> None:
        wrong = [given.code != choice.code, given.size != choice.size]
        wrong.append(
            self._fps is not None
            and (given.fps is None or abs(given.fps - self._fps) > 0.02 * self._fps)
        )
        if not any(wrong):
            return
        asked = Given(choice.code, choice.size, self._fps)
        text = f"{self._path} gives {given}, not {asked}; it offers {'; '.join(shown(offers))}"
        if text != self._warned:
            self._warned = text
            _log.warning("%s", text)


def _codes(offers: list[Offer]) -> str:
    return ", ".join(offer.code for offer in offers) or "none"
