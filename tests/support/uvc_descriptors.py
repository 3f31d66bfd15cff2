"""What a USB camera says of itself (USB Device Class Definition for Video Devices 1.1)."""

from __future__ import annotations

import struct

_DEVICE, _CONFIGURATION, _INTERFACE, _ENDPOINT, _ASSOCIATION = 1, 2, 4, 5, 0x0B
_CLASS_INTERFACE = 0x24
_VIDEO, _CONTROL, _STREAMING = 0x0E, 1, 2
_YUY2 = bytes.fromhex("5955593200001000800000aa00389b71")
_SECOND = 10_000_000  # of intervals, which are in 100 ns
BULK_IN = 0x81
MJPG, YUYV = 1, 2


def interval(fps: int) -> int:
    return _SECOND // fps


def device() -> bytes:
    """A high speed device of the Linux Foundation with three strings: maker, product, serial."""
    ids = struct.pack("<HHH", 0x1D6B, 0x0102, 0x0100)
    return _described(_DEVICE, b"\0\2\xef\2\1\x40" + ids + b"\1\2\3\1")


def configuration(sizes: list[tuple[int, int]], rates: list[int]) -> bytes:
    """A camera with MJPG and YUYV in each of the sizes and rates, over a bulk endpoint."""
    terminals = [
        _of_class(2, b"\1\1\2\0\0" + bytes(6) + b"\3\0\0\0"),  # 1, the camera
        _of_class(3, b"\2\1\1\0\1\0"),  # 2, where its pictures come out, from 1
    ]
    length = 13 + sum(map(len, terminals))
    header = _of_class(1, struct.pack("<HHIBB", 0x0110, length, 48_000_000, 1, 1))
    compressed = [_of_class(6, bytes([MJPG, len(sizes), 1, 1, 0, 0, 0, 0]))]
    plain = [_of_class(4, bytes([YUYV, len(sizes)]) + _YUY2 + b"\x10\1\0\0\0\0")]
    for number, size in enumerate(sizes, 1):
        compressed.append(_of_class(7, _frame(number, size, rates)))
        plain.append(_of_class(5, _frame(number, size, rates)))
    formats = b"".join([*compressed, *plain, _of_class(0x0D, b"\1\1\4")])
    inputs = _of_class(
        1, b"\2" + struct.pack("<H", 15 + len(formats)) + bytes([BULK_IN, 0, 2, 0, 0, 0, 1, 0, 0])
    )
    body = b"".join(
        [
            _described(_ASSOCIATION, bytes([0, 2, _VIDEO, 3, 0, 2])),
            _described(_INTERFACE, bytes([0, 0, 0, _VIDEO, _CONTROL, 0, 2])),
            header,
            *terminals,
            _described(_INTERFACE, bytes([1, 0, 1, _VIDEO, _STREAMING, 0, 0])),
            inputs,
            formats,
            _described(_ENDPOINT, struct.pack("<BBHB", BULK_IN, 2, 512, 0)),
        ]
    )
    return _described(_CONFIGURATION, struct.pack("<H", 9 + len(body)) + b"\2\1\0\x80\x32") + body


def string(text: str) -> bytes:
    return _described(3, text.encode("utf-16-le"))


def languages() -> bytes:
    return _described(3, b"\x09\x04")


def _frame(number: int, size: tuple[int, int], rates: list[int]) -> bytes:
    width, height = size
    length = width * height * 2
    intervals = [interval(rate) for rate in sorted(rates, reverse=True)]
    bits = (length * 8 * min(rates), length * 8 * max(rates))
    fixed = struct.pack("<BBHHIII", number, 0, width, height, *bits, length)
    times = struct.pack(f"<IB{len(rates)}I", intervals[0], len(rates), *intervals)
    return fixed + times


def _described(kind: int, rest: bytes) -> bytes:
    return bytes([len(rest) + 2, kind]) + rest


def _of_class(subtype: int, rest: bytes) -> bytes:
    return _described(_CLASS_INTERFACE, bytes([subtype]) + rest)
