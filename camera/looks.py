"""How a frame is shown: as it is, smaller, with words; encoded once for all who want the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from camera import mjpeg
from camera.caption import Caption
from camera.errors import CameraError
from camera.frame import Frame, Pixels
from camera.jpeg import decode_reduced, encode_rgb, resize, without_thumbnail

# Of each the newest picture is kept; who asks for more at a time has some encoded anew.
_MAX_LOOKS: Final = 16


@dataclass(frozen=True)
class Look:
    """What a viewer wants to see.

    width      at most so many pixels, for None as many as the camera gives; the height follows
    captioned  with the caption, where there is one
    """

    width: int | None = None
    captioned: bool = False


@dataclass(frozen=True)
class Shown:
    """A frame as it is shown."""

    frame: Frame
    caption: Caption | None
    jpeg: bytes

    @cached_property
    def part(self) -> bytes:
        """Of a stream."""
        return mjpeg.part(self.jpeg, self.frame.captured_at)


@dataclass
class _Newest:
    """The newest picture of one look; who wants it waits for whoever encodes it."""

    encoding: threading.Lock = field(default_factory=threading.Lock)
    shown: Shown | None = None
    damaged: int = 0  # the number of the newest frame that could not be shown


class Looks:
    """Makes the pictures; safe from any thread. `caption` says what is to be written now."""

    def __init__(self, quality: int, caption: Callable[[], Caption | None]) -> None:
        self._quality, self._caption = quality, caption
        self._lock = threading.Lock()
        self._newest: OrderedDict[Look, _Newest] = OrderedDict()

    def find(self, frame: Frame, look: Look, *, again: bool = False) -> Shown | None:
        """As show(), of what is there without encoding; None where nothing is.

        Raises CameraError where show() has found the frame damaged.
        """
        look = _without_effect(look, frame)
        newest = self._newest_of(look)
        shown = self._there(newest, frame, look, again)
        if shown is not None:
            return shown
        if _is_as_sent(frame, look, self._caption_for(look)):
            # Two who do this at a time do it twice, which costs less than to wait for an encoder.
            newest.shown = shown = Shown(frame, None, self._jpeg(frame, look, None))
        elif newest.damaged >= frame.number:
            raise CameraError("The picture is damaged; the next one may be whole.")
        return shown

    def show(self, frame: Frame, look: Look, *, again: bool = False) -> Shown:
        """The frame in this look, or a newer one that there is already.

        `again` is for a frame that was shown before: its caption may be out of date by now.

        Raises CameraError where the camera's JPEG is damaged and has to be decoded.
        """
        look = _without_effect(look, frame)
        newest = self._newest_of(look)
        with newest.encoding:
            # Who comes late would be later still, and with him all others, if his were encoded too.
            shown = self._there(newest, frame, look, again)
            if shown is not None:
                return shown
            caption = self._caption_for(look)
            try:
                shown = Shown(frame, caption, self._jpeg(frame, look, caption))
            except CameraError:
                newest.damaged = frame.number
                raise
            newest.shown = shown
            return shown

    def write(self, frame: Frame, caption: Caption | None, width: int | None) -> bytes:
        """A JPEG of this frame with this caption, kept for nobody. Raises as show()."""
        return self._jpeg(frame, _without_effect(Look(width), frame), caption)

    def _newest_of(self, look: Look) -> _Newest:
        with self._lock:
            newest = self._newest.setdefault(look, _Newest())
            self._newest.move_to_end(look)
            if len(self._newest) > _MAX_LOOKS:
                self._newest.popitem(last=False)
            return newest

    def _there(self, newest: _Newest, frame: Frame, look: Look, again: bool) -> Shown | None:
        """The newest picture of a look, where it is one of this frame or of a newer one."""
        shown = newest.shown
        if shown is None or shown.frame.number < frame.number:
            return None
        if again and shown.caption != self._caption_for(look):
            return None
        return shown

    def _caption_for(self, look: Look) -> Caption | None:
        return self._caption() if look.captioned else None

    def _jpeg(self, frame: Frame, look: Look, caption: Caption | None) -> bytes:
        if frame.jpeg is not None and _is_as_sent(frame, look, caption):
            return without_thumbnail(frame.jpeg)
        pixels = _pixels(frame, look.width)
        if caption is not None:
            from camera.lettering import draw  # noqa: PLC0415, fonts are large, and few servers draw

            pixels = draw(pixels, caption)
        return encode_rgb(pixels, self._quality)


def _is_as_sent(frame: Frame, look: Look, caption: Caption | None) -> bool:
    """Whether the camera's own JPEG is what is wanted."""
    return frame.jpeg is not None and look.width is None and caption is None


def _without_effect(look: Look, frame: Frame) -> Look:
    """Who wants a picture larger than it is shares that of those who want it as it is."""
    if look.width is not None and look.width >= frame.size[0]:
        return Look(None, look.captioned)
    return look


def _pixels(frame: Frame, width: int | None) -> Pixels:
    if frame.jpeg is None:
        return frame.pixels if width is None else resize(frame.pixels, _size(frame.pixels, width))
    pixels = decode_reduced(frame.jpeg, width)
    if width is None or width >= pixels.shape[1]:
        return pixels
    return resize(pixels, _size(pixels, width))


def _size(pixels: Pixels, width: int) -> tuple[int, int]:
    """Width and height, both even, for the aspect of the picture."""
    height, whole = pixels.shape[:2]
    width = max(2, width // 2 * 2)
    return width, max(2, round(height * width / whole / 2) * 2)
