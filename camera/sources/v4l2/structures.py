"""The structures and ioctl numbers of linux/videodev2.h that are used here; asks no device.

ctypes lays them out as the machine's C compiler does, so that they are right on 32-bit and 64-bit
systems: v4l2_format and v4l2_buffer differ there in size, and so in their ioctl's number.
"""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_long, c_uint8, c_uint32, c_void_p
from typing import Final

CAPTURE: Final = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
MMAP: Final = 1  # V4L2_MEMORY_MMAP
BUFFER_ERROR: Final = 0x40  # V4L2_BUF_FLAG_ERROR
CAN_CAPTURE: Final = 0x00000001
CAN_STREAM: Final = 0x04000000
HAS_DEVICE_CAPS: Final = 0x80000000
HAS_RATE: Final = 0x1000  # V4L2_CAP_TIMEPERFRAME
DISCRETE: Final = 1  # of frame sizes and frame intervals; 2 is continuous, 3 stepwise


class Capability(ctypes.Structure):
    _fields_ = (
        ("driver", c_uint8 * 16),
        ("card", c_uint8 * 32),
        ("bus_info", c_uint8 * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )

    @property
    def of_node(self) -> int:
        """What this node can do: a UVC camera has a second one that gives metadata only."""
        whole, device = int(self.capabilities), int(self.device_caps)
        return device if whole & HAS_DEVICE_CAPS else whole


class FormatDescription(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_uint8 * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class Fraction(ctypes.Structure):
    _fields_ = (("numerator", c_uint32), ("denominator", c_uint32))


class _Size(ctypes.Structure):
    _fields_ = (("width", c_uint32), ("height", c_uint32))


class _SizeSteps(ctypes.Structure):
    _fields_ = (
        ("min_width", c_uint32),
        ("max_width", c_uint32),
        ("step_width", c_uint32),
        ("min_height", c_uint32),
        ("max_height", c_uint32),
        ("step_height", c_uint32),
    )


class _SizeOrSteps(ctypes.Union):
    _fields_ = (("discrete", _Size), ("stepwise", _SizeSteps))


class FrameSize(ctypes.Structure):
    _anonymous_ = ("either",)
    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("type", c_uint32),
        ("either", _SizeOrSteps),
        ("reserved", c_uint32 * 2),
    )


class _IntervalSteps(ctypes.Structure):
    _fields_ = (("min", Fraction), ("max", Fraction), ("step", Fraction))


class _IntervalOrSteps(ctypes.Union):
    _fields_ = (("discrete", Fraction), ("stepwise", _IntervalSteps))


class FrameInterval(ctypes.Structure):
    _anonymous_ = ("either",)
    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("either", _IntervalOrSteps),
        ("reserved", c_uint32 * 2),
    )


class PixelFormat(ctypes.Structure):
    _fields_ = (
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixelformat", c_uint32),
        ("field", c_uint32),
        ("bytesperline", c_uint32),
        ("sizeimage", c_uint32),
        ("colorspace", c_uint32),
        ("priv", c_uint32),
        ("flags", c_uint32),
        ("ycbcr_enc", c_uint32),
        ("quantization", c_uint32),
        ("xfer_func", c_uint32),
    )


class _OneFormat(ctypes.Union):
    # v4l2_window, another member of this union, holds pointers and so sets its alignment.
    _fields_ = (("pix", PixelFormat), ("raw", c_uint8 * 200), ("aligned", c_void_p))


class Format(ctypes.Structure):
    _anonymous_ = ("fmt",)
    _fields_ = (("type", c_uint32), ("fmt", _OneFormat))


class _CaptureParameters(ctypes.Structure):
    _fields_ = (
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("timeperframe", Fraction),
        ("extendedmode", c_uint32),
        ("readbuffers", c_uint32),
        ("reserved", c_uint32 * 4),
    )


class _OneParameters(ctypes.Union):
    _fields_ = (("capture", _CaptureParameters), ("raw", c_uint8 * 200))


class Parameters(ctypes.Structure):
    _anonymous_ = ("parm",)
    _fields_ = (("type", c_uint32), ("parm", _OneParameters))


class BuffersRequest(ctypes.Structure):
    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class _TimeVal(ctypes.Structure):
    _fields_ = (("seconds", c_long), ("microseconds", c_long))


class _TimeCode(ctypes.Structure):
    _fields_ = (("type", c_uint32), ("flags", c_uint32), ("digits", c_uint8 * 8))


class _Place(ctypes.Union):
    _fields_ = (("offset", c_uint32), ("pointer", c_void_p), ("fd", c_int32))


class Buffer(ctypes.Structure):
    _anonymous_ = ("m",)
    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("timestamp", _TimeVal),
        ("timecode", _TimeCode),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("m", _Place),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int32),
    )


def _number(direction: int, number: int, kind: type[ctypes.Structure] | type[c_int32]) -> int:
    """_IOC of asm-generic/ioctl.h; direction: 1 the kernel reads, 2 it writes, 3 both."""
    return direction << 30 | ctypes.sizeof(kind) << 16 | ord("V") << 8 | number


QUERYCAP: Final = _number(2, 0, Capability)
ENUM_FMT: Final = _number(3, 2, FormatDescription)
G_FMT: Final = _number(3, 4, Format)
S_FMT: Final = _number(3, 5, Format)
REQBUFS: Final = _number(3, 8, BuffersRequest)
QUERYBUF: Final = _number(3, 9, Buffer)
QBUF: Final = _number(3, 15, Buffer)
DQBUF: Final = _number(3, 17, Buffer)
STREAMON: Final = _number(1, 18, c_int32)
STREAMOFF: Final = _number(1, 19, c_int32)
G_PARM: Final = _number(3, 21, Parameters)
S_PARM: Final = _number(3, 22, Parameters)
ENUM_FRAMESIZES: Final = _number(3, 74, FrameSize)
ENUM_FRAMEINTERVALS: Final = _number(3, 75, FrameInterval)


def fourcc(text: str) -> int:
    """The four characters of a pixel format as the number of it."""
    return int.from_bytes(text.encode("ascii"), "little")


def fourcc_text(code: int) -> str:
    """A FOURCC as its four characters, for example MJPG; those that can't be printed as `?`."""
    letters = (chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))
    return "".join(letter if letter.isprintable() else "?" for letter in letters)
