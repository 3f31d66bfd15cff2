"""What a camera offers, and what to ask it for; pure functions, no device."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Compressed ones come first: others do not fit through USB 2 at useful sizes and rates.
FORMATS: Final = ("MJPG", "JPEG", "YUYV", "UYVY", "NV12", "RGB3", "BGR3", "GREY")
COMPRESSED: Final = frozenset({"MJPG", "JPEG"})
# More than a classifier's input and sharp on a kiosk; more pixels only cost time to decode.
USUAL_SIZE: Final = (1280, 720)
USUAL_FPS: Final = 30.0
# Below it people see single pictures.
_FLUENT_FPS: Final = 15.0
_SHOWN: Final = 8


@dataclass(frozen=True)
class Mode:
    """A frame size that a format has, and its frame rates, highest first; none where not told.

    step  None, or the camera can do any size from `least` up to `size` in these steps
    """

    size: tuple[int, int]
    rates: tuple[float, ...] = ()
    least: tuple[int, int] | None = None
    step: tuple[int, int] = (1, 1)

    def nearest(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """The size of this mode that is nearest to the one wanted."""
        if self.least is None:
            return self.size
        width, height = (
            low + (min(max(want, low), high) - low) // step * step
            for want, low, high, step in zip(wanted, self.least, self.size, self.step, strict=True)
        )
        return width, height

    def __str__(self) -> str:
        size = "{}x{}".format(*self.size)
        if self.least is not None:
            size = "{}x{} to {}".format(*self.least, size)
        if not self.rates:
            return size
        least = f"{self.rates[-1]:.3g} to " if len(self.rates) > 1 else ""
        return f"{size} ({least}{self.rates[0]:.3g} fps)"


@dataclass(frozen=True)
class Offer:
    """A pixel format of a camera, by its FOURCC, and the sizes it has there; none if not told."""

    code: str
    modes: tuple[Mode, ...] = ()

    def has(self, size: tuple[int, int]) -> bool:
        """Whether it can give exactly this size, or does not tell."""
        return not self.modes or any(mode.nearest(size) == size for mode in self.modes)


def shown(offers: Iterable[Offer]) -> list[str]:
    """A line for the formats that can be used, those with the same sizes in one."""
    lines: dict[tuple[Mode, ...], list[str]] = {}
    for offer in offers:
        if offer.code in FORMATS:
            lines.setdefault(offer.modes, []).append(offer.code)
    return [f"{', '.join(codes)}: {_sizes(modes)}" for modes, codes in lines.items()]


def _sizes(modes: tuple[Mode, ...]) -> str:
    largest = sorted(modes, key=lambda mode: -math.prod(mode.size))
    texts = [str(mode) for mode in largest[:_SHOWN]]
    if len(modes) > _SHOWN:
        texts.append(f"and {len(modes) - _SHOWN} smaller")
    return ", ".join(texts) or "sizes not told"


@dataclass(frozen=True)
class Choice:
    """What to ask a driver for."""

    code: str
    size: tuple[int, int]


def choose(
    offers: Iterable[Offer], code: str | None = None, size: tuple[int, int] | None = None
) -> Choice | None:
    """The best of what is offered; None where nothing that can be used is.

    What was asked for is kept, also where the camera does not offer it: the driver then says what
    it gives. Without a size, the nearest to USUAL_SIZE that is fluent.
    """
    usable = sorted(
        (offer for offer in offers if offer.code in FORMATS),
        key=lambda offer: FORMATS.index(offer.code),
    )
    fitting = [offer for offer in usable if code in (None, offer.code)] or usable
    if not fitting:
        return None
    if size is not None:
        best = next((offer for offer in fitting if offer.has(size)), fitting[0])
        return Choice(code or best.code, size)
    best = fitting[0]
    return Choice(code or best.code, _usual(best.modes))


def _usual(modes: tuple[Mode, ...]) -> tuple[int, int]:
    if not modes:
        return USUAL_SIZE

    def worse(mode: Mode) -> tuple[bool, float]:
        slow = bool(mode.rates) and mode.rates[0] < _FLUENT_FPS
        return slow, abs(math.log(math.prod(mode.nearest(USUAL_SIZE)) / math.prod(USUAL_SIZE)))

    return min(modes, key=worse).nearest(USUAL_SIZE)
