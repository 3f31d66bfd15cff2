"""A USB camera for a real kernel: plugged in over USB/IP, driven by its own uvcvideo driver.

The kernel's vhci-hcd takes the other end of a socket for a USB port.
Needs root and that module, so it runs inside of the machine of linux_machine.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import uvc_descriptors as uvc

_SUBMIT, _UNLINK, _ANSWER, _UNLINKED = 1, 2, 3, 4
_HEADER = struct.Struct(">5I")
_SUBMITTED = struct.Struct(">IIIII8s")
_STALL, _RESET = -32, -104
_HIGH_SPEED = 3
_PAYLOAD = 16384
_ATTACH = Path("/sys/devices/platform/vhci_hcd.0/attach")
# struct of the probe and commit controls, table 4-75, version 1.1
_PROBE = struct.Struct("<HBBIHHHHHIIIBBBB")


class UsbCamera:
    """Sends picture(number), from 1, at the rate that was agreed; None sends nothing.

    A picture is what the camera sends, whole or not. `broken(number)` says whether the camera
    marks it as one with an error.
    """

    def __init__(
        self,
        picture: Callable[[int], bytes | None],
        *,
        serial: str = "1",
        sizes: list[tuple[int, int]] | None = None,
        rates: list[int] | None = None,
        broken: Callable[[int], bool] = lambda number: False,
    ) -> None:
        self._picture, self._broken = picture, broken
        self._sizes = sizes or [(640, 480), (1280, 720), (1920, 1080)]
        self._rates = rates or [10, 5]
        self._strings = ["", "Edge", "Test Camera", serial]
        self._probe = self._filled(0, uvc.MJPG, 1, uvc.interval(self._rates[0]))
        self.agreed = self._probe
        self._waiting: OrderedDict[int, int] = OrderedDict()  # bulk requests and their lengths
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.number = 0

    def plug(self, port: int = 0) -> None:
        """Plugs it into a USB port; the kernel finds it within a moment."""
        kernel, self._socket = socket.socketpair()
        threading.Thread(target=self._answer, args=(self._socket,), daemon=True).start()
        threading.Thread(target=self._send, args=(self._socket,), daemon=True).start()
        with kernel:
            _ATTACH.write_text(f"{port} {kernel.fileno()} {0x10002 + port} {_HIGH_SPEED}")

    def unplug(self) -> None:
        with self._lock:
            gone, self._socket = self._socket, None
        if gone is not None:
            with contextlib.suppress(OSError):
                gone.shutdown(socket.SHUT_RDWR)
            gone.close()

    def _answer(self, port: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                command, number, _, direction, endpoint = _HEADER.unpack(_read(port, 20))
                first, length, _, _, _, setup = _SUBMITTED.unpack(_read(port, 28))
                if command == _UNLINK:
                    # There the first field is the number of the request that is taken back.
                    self._unlink(port, number, first)
                elif endpoint:
                    with self._lock:
                        self._waiting[number] = length
                else:
                    data = b"" if direction else _read(port, length)
                    status, answer = self._control(setup, data)
                    self._reply(port, number, status, answer[:length], len(data))

    def _unlink(self, port: socket.socket, number: int, taken: int) -> None:
        with self._lock:
            status = _RESET if self._waiting.pop(taken, None) is not None else 0
            port.sendall(_HEADER.pack(_UNLINKED, number, 0, 0, 0) + struct.pack(">i24x", status))

    def _reply(
        self, port: socket.socket, number: int, status: int, data: bytes, taken: int = 0
    ) -> None:
        head = _HEADER.pack(_ANSWER, number, 0, 0, 0)
        head += struct.pack(">iiiii8x", status, len(data) or taken, 0, 0, 0)
        port.sendall(head + data)

    def _control(self, setup: bytes, data: bytes) -> tuple[int, bytes]:
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        if kind == 0x80 and request == 6:  # GET_DESCRIPTOR
            return self._descriptor(value >> 8, value & 0xFF)
        if kind & 0x60 == 0:
            return 0, b"\0\0" if kind & 0x80 else b""  # every other standard request
        if index & 0xFF != 1 or value >> 8 not in (1, 2):
            return _STALL, b""
        if request == 0x01:  # SET_CUR
            hint, form, frame, interval, *_ = _PROBE.unpack(data.ljust(_PROBE.size, b"\0"))
            self._probe = self._filled(hint, form, frame, interval)
            if value >> 8 == 2:
                self.agreed = self._probe
            return 0, b""
        if request in (0x81, 0x82, 0x83, 0x87):  # GET_CUR, GET_MIN, GET_MAX, GET_DEF
            return 0, self._probe
        answers = {0x85: struct.pack("<H", _PROBE.size), 0x86: b"\3"}  # GET_LEN, GET_INFO
        return (0, answers[request]) if request in answers else (_STALL, b"")

    def _descriptor(self, kind: int, index: int) -> tuple[int, bytes]:
        if kind == 1:
            return 0, uvc.device()
        if kind == 2:
            return 0, uvc.configuration(self._sizes, self._rates)
        if kind == 3 and index < len(self._strings):
            return 0, uvc.string(self._strings[index]) if index else uvc.languages()
        return _STALL, b""

    def _filled(self, hint: int, form: int, frame: int, interval: int) -> bytes:
        frame = min(max(frame, 1), len(self._sizes))
        width, height = self._sizes[frame - 1]
        intervals = [uvc.interval(rate) for rate in self._rates]
        nearest = min(intervals, key=lambda known: abs(known - interval))
        length = width * height * 2
        return _PROBE.pack(
            *(hint, form or uvc.MJPG, frame, nearest, 0, 0, 0, 0, 0),
            *(length, _PAYLOAD, 48_000_000, 0, 0, 0, 0),
        )

    def _send(self, port: socket.socket) -> None:
        """At each tick one picture, cut into payloads, where the kernel asks for them."""
        toggle = 0
        with contextlib.suppress(OSError):
            while self._socket is port:
                seconds = _PROBE.unpack(self.agreed)[3] / 1e7
                due = time.monotonic() + seconds
                if self._waiting:
                    self.number += 1
                    picture = self._picture(self.number)
                    if picture is not None:
                        toggle ^= 1
                        self._send_one(port, picture, toggle)
                time.sleep(max(0.0, due - time.monotonic()))

    def _send_one(self, port: socket.socket, picture: bytes, toggle: int) -> None:
        room = _PAYLOAD - 2
        error = 0x40 if self._broken(self.number) else 0
        for start in range(0, max(1, len(picture)), room):
            last = 0x02 if start + room >= len(picture) else 0
            head = bytes([2, 0x80 | error | last | toggle])
            patience = time.monotonic() + 2
            while True:
                with self._lock:
                    if self._waiting:
                        number, _ = self._waiting.popitem(last=False)
                        self._reply(port, number, 0, head + picture[start : start + room])
                        break
                if time.monotonic() > patience:
                    return
                time.sleep(0.001)


def _read(port: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        more = port.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)
