"""One V4L2 device: its questions, settings and buffers, call by call; waits for nothing.

The device is opened so that no call here waits for a picture. Every error is the OSError of the
system.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from camera.sources.v4l2 import structures as v4l2
from camera.sources.v4l2.offer import Mode, Offer
from camera.sources.v4l2.pixels import Layout

# No camera has so many; a driver that never ends its list does not hang the program.
_MOST = 64
_S = TypeVar("_S", bound=ctypes.Structure)
_A = TypeVar("_A", bound=ctypes.Structure | ctypes.c_int32)


@dataclass(frozen=True)
class Filled:
    """A buffer that the driver has filled: which, how far, and whether it says that it is torn."""

    index: int
    used: int
    torn: bool


class Device:
    """An open device. Raises OSError: EINVAL for a node that does not capture pictures."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._buffers: list[mmap.mmap] = []
        try:
            can = self._call(v4l2.QUERYCAP, v4l2.Capability()).of_node
        except BaseException:
            os.close(self.descriptor)
            raise
        if not can & v4l2.CAN_CAPTURE:
            os.close(self.descriptor)
            raise OSError(errno.EINVAL, "not a capture device")
        self.streams = bool(can & v4l2.CAN_STREAM)

    def offers(self) -> list[Offer]:
        """The pixel formats with their sizes and rates, as far as the driver tells them."""
        return [
            Offer(v4l2.fourcc_text(found.pixelformat), tuple(self._modes(found.pixelformat)))
            for found in self._listed(
                v4l2.ENUM_FMT,
                lambda index: v4l2.FormatDescription(index=index, type=v4l2.CAPTURE),
            )
        ]

    def set_format(self, code: str, size: tuple[int, int]) -> Layout:
        """Asks for a format and a size; what the driver gives."""
        asked = v4l2.Format(type=v4l2.CAPTURE)
        asked.pix.width, asked.pix.height = size
        asked.pix.pixelformat = v4l2.fourcc(code)
        pix = self._call(v4l2.S_FMT, asked).pix
        return Layout(v4l2.fourcc_text(pix.pixelformat), (pix.width, pix.height), pix.bytesperline)

    def set_rate(self, fps: float) -> float | None:
        """Asks for frames a second; what the driver gives, or None where it can't say."""
        parameters = v4l2.Parameters(type=v4l2.CAPTURE)
        try:
            self._call(v4l2.G_PARM, parameters)
            if parameters.capture.capability & v4l2.HAS_RATE:
                seconds = 1 / Fraction(fps).limit_denominator(1000)
                parameters.capture.timeperframe.numerator = seconds.numerator
                parameters.capture.timeperframe.denominator = seconds.denominator
                self._call(v4l2.S_PARM, parameters)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return None
            raise
        return _rate(parameters.capture.timeperframe)

    @property
    def buffers(self) -> int:
        """How many buffers the driver shares."""
        return len(self._buffers)

    def start(self, buffers: int) -> None:
        """Shares buffers with the driver and begins to capture into them."""
        wanted = v4l2.BuffersRequest(count=buffers, type=v4l2.CAPTURE, memory=v4l2.MMAP)
        given = self._call(v4l2.REQBUFS, wanted).count
        for index in range(given):
            buffer = self._call(v4l2.QUERYBUF, self._buffer(index))
            self._buffers.append(
                mmap.mmap(self.descriptor, buffer.length, mmap.MAP_SHARED, offset=buffer.m.offset)
            )
            self.give(index)
        self._call(v4l2.STREAMON, ctypes.c_int32(v4l2.CAPTURE))

    def take(self) -> Filled | None:
        """The oldest filled buffer, which is ours until it is given back; None where none is."""
        try:
            buffer = self._call(v4l2.DQBUF, self._buffer(0))
        except BlockingIOError:
            return None
        torn = bool(buffer.flags & v4l2.BUFFER_ERROR) or not buffer.bytesused
        return Filled(int(buffer.index), int(buffer.bytesused), torn)

    def give(self, index: int) -> None:
        """Gives a buffer to the driver to be filled."""
        self._call(v4l2.QBUF, self._buffer(index))

    def memory(self, filled: Filled) -> memoryview:
        """What is in a buffer, to be released before it is given back."""
        return memoryview(self._buffers[filled.index])[: filled.used]

    def close(self) -> None:
        """Ends the capture and gives everything back."""
        for buffer in self._buffers:
            # An error on its way may still hold on to what was read; it is freed with it.
            with contextlib.suppress(BufferError):
                buffer.close()
        self._buffers.clear()
        # Closing stops the stream and frees the driver's buffers, also of an unplugged camera.
        os.close(self.descriptor)

    def _modes(self, code: int) -> Iterator[Mode]:
        for found in self._listed(
            v4l2.ENUM_FRAMESIZES, lambda index: v4l2.FrameSize(index=index, pixel_format=code)
        ):
            if found.type == v4l2.DISCRETE:
                size = (found.discrete.width, found.discrete.height)
                yield Mode(size, self._rates(code, size))
                continue
            steps = found.stepwise
            size = (steps.max_width, steps.max_height)
            yield Mode(
                size,
                self._rates(code, size),
                (steps.min_width, steps.min_height),
                (max(1, steps.step_width), max(1, steps.step_height)),
            )
            return

    def _rates(self, code: int, size: tuple[int, int]) -> tuple[float, ...]:
        rates = set()
        for found in self._listed(
            v4l2.ENUM_FRAMEINTERVALS,
            lambda index: v4l2.FrameInterval(
                index=index, pixel_format=code, width=size[0], height=size[1]
            ),
        ):
            if found.type == v4l2.DISCRETE:
                rates.add(_rate(found.discrete))
            else:
                rates |= {_rate(found.stepwise.min), _rate(found.stepwise.max)}
                break
        return tuple(sorted((rate for rate in rates if rate), reverse=True))

    def _listed(self, request: int, asked: Callable[[int], _S]) -> Iterator[_S]:
        for index in range(_MOST):
            try:
                yield self._call(request, asked(index))
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOTTY):
                    return
                raise

    def _buffer(self, index: int) -> v4l2.Buffer:
        return v4l2.Buffer(index=index, type=v4l2.CAPTURE, memory=v4l2.MMAP)

    def _call(self, request: int, argument: _A) -> _A:
        import fcntl  # noqa: PLC0415, Windows has none, and no such devices either

        fcntl.ioctl(self.descriptor, request, argument)
        return argument


def _rate(interval: v4l2.Fraction) -> float | None:
    if not interval.numerator:
        return None
    return float(interval.denominator / interval.numerator)
