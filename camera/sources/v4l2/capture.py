"""The newest picture of a V4L2 device, with a deadline; may be closed from any thread.

Knows nothing of specifications and reconnection.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from camera.errors import CameraError
from camera.frame import Picture
from camera.jpeg import read_jpeg
from camera.sources.v4l2.device import Device, Filled
from camera.sources.v4l2.errors import explained, unplugged
from camera.sources.v4l2.offer import COMPRESSED
from camera.sources.v4l2.pixels import Layout

# One is filled, one is being read, and two wait: a reader that is late finds a new one at once.
BUFFERS: Final = 4
# Without a whole picture for so long the camera is of no use, which is below a Grabber's patience;
# the first one may take longer. Seconds.
_PATIENCE: Final = 4.0
_FIRST_PATIENCE: Final = 10.0


class Capture:
    """One use of a device, from open to close, and what it left out on the way.

    torn     pictures that came damaged
    skipped  whole ones that were older than the newest when they were looked for
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._patience = _FIRST_PATIENCE
        self._lock = threading.Lock()
        self._busy = self._closed = False
        self._device: Device | None = None
        # Written to by close(), so that a waiting read ends at once.
        self._ended, self._end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._layout: Layout | None = None
        self.torn = self.skipped = 0

    def open(self, setup: Callable[[Device], Layout], make: Callable[[str], Device]) -> None:
        """Opens the device, lets `setup` choose its format, and begins to capture."""
        with self._using():
            self._device = device = make(self._path)
            self._layout = setup(device)
            device.start(BUFFERS)

    def read(self) -> Picture:
        """The newest whole picture; waits for one that has not been read yet."""
        with self._using():
            assert self._device is not None
            poll = select.poll()
            poll.register(self._device.descriptor, select.POLLIN)
            poll.register(self._ended, select.POLLIN)
            deadline = time.monotonic() + self._patience
            torn, late = self.torn, False
            while (left := deadline - time.monotonic()) > 0:
                events = dict(poll.poll(left * 1000))
                if self._closed:
                    raise CameraError("The camera was closed.")
                waiting = self._waiting(self._device)
                if len(waiting) >= max(2, self._device.buffers) and not late:
                    # The driver had nowhere left to write to: the newest of them may be old.
                    late = True
                    self.skipped += len(waiting)
                    for filled in waiting:
                        self._device.give(filled.index)
                    continue
                picture = self._newest(self._device, waiting)
                if picture is not None:
                    self._patience = _PATIENCE
                    return picture
                if events.get(self._device.descriptor, 0) & (select.POLLERR | select.POLLHUP):
                    raise unplugged(self._path)
        if self.torn > torn:
            raise CameraError(
                f"The camera {self._path} sends nothing but damaged pictures; choose a smaller "
                "size, another cable or another USB port."
            )
        raise CameraError(
            f"The camera {self._path} has given no picture for {self._patience:g} s; "
            "check its cable and power."
        )

    def close(self) -> None:
        """Gives the device back, at once or as soon as the call in progress has noticed."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.write(self._end, b"\0")
            if not self._busy:
                self._release()

    @contextmanager
    def _using(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise CameraError("The camera was closed; open it first.")
            self._busy = True
        try:
            yield
        except OSError as error:
            raise explained(error, self._path) from error
        finally:
            with self._lock:
                self._busy = False
                if self._closed:
                    self._release()

    def _release(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()
        os.close(self._ended)
        os.close(self._end)

    def _waiting(self, device: Device) -> list[Filled]:
        """All that the driver has filled, oldest first; each is to be given back."""
        waiting: list[Filled] = []
        while len(waiting) < device.buffers and (filled := device.take()) is not None:
            waiting.append(filled)
        return waiting

    def _newest(self, device: Device, waiting: list[Filled]) -> Picture | None:
        """The newest whole picture of those that wait, all of which are given back."""
        picture = None
        for filled in reversed(waiting):
            if picture is not None:
                self.skipped += 1
            elif (picture := self._picture(device, filled)) is None:
                self.torn += 1
            device.give(filled.index)
        return picture

    def _picture(self, device: Device, filled: Filled) -> Picture | None:
        assert self._layout is not None
        if filled.torn:
            return None
        with device.memory(filled) as memory:
            if self._layout.code in COMPRESSED:
                return read_jpeg(bytes(memory))
            if len(memory) < self._layout.length:
                return None
            return self._layout.rgb(memory)
