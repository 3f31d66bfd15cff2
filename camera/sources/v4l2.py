"""Which V4L2 capture devices this machine has; opens them only to ask for their capabilities."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

# videodev2.h: _IOR('V', 0, struct v4l2_capability), and the offsets inside that struct.
_VIDIOC_QUERYCAP = 0x80685600
_CAPABILITY_SIZE = 104
_CAPABILITIES = struct.Struct("=II")
_CAPABILITIES_OFFSET = 84
_CAP_VIDEO_CAPTURE = 0x00000001
_CAP_DEVICE_CAPS = 0x80000000


@dataclass(frozen=True)
class VideoDevice:
    """A capture device: the string that names it as a source, and the driver's name for it."""

    spec: str
    name: str


def list_devices(
    sysfs: Path = Path("/sys/class/video4linux"), dev: Path = Path("/dev")
) -> list[VideoDevice]:
    """The capture devices, by number, under names that survive replugging where there are any.

    A device that can't be asked (no permission) is listed too.
    """
    stable = _links(dev / "v4l" / "by-id")
    found = []
    for number, entry in sorted(_numbered(sysfs)):
        path = dev / entry.name
        if not path.exists() or not _may_capture(path):
            continue
        spec = stable.get(entry.name) or f"usb:{number}"
        found.append(VideoDevice(spec, _name_of(entry)))
    return found


def captures(capability: bytes) -> bool:
    """Whether a struct v4l2_capability (104 bytes) is that of a node that captures pictures.

    A UVC camera has a second node for metadata only, so its device_caps count, not the whole
    driver's capabilities.
    """
    whole, device = _CAPABILITIES.unpack_from(capability, _CAPABILITIES_OFFSET)
    return bool((device if whole & _CAP_DEVICE_CAPS else whole) & _CAP_VIDEO_CAPTURE)


def _may_capture(path: Path) -> bool:
    import fcntl  # noqa: PLC0415, Windows has none, and no such devices either

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return True
    try:
        return captures(fcntl.ioctl(descriptor, _VIDIOC_QUERYCAP, bytes(_CAPABILITY_SIZE)))
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _numbered(sysfs: Path) -> list[tuple[int, Path]]:
    if not sysfs.is_dir():
        return []
    names = ((entry.name.removeprefix("video"), entry) for entry in sysfs.iterdir())
    return [(int(number), entry) for number, entry in names if number.isdigit()]


def _links(by_id: Path) -> dict[str, str]:
    if not by_id.is_dir():
        return {}
    return {link.resolve().name: f"usb:{link}" for link in sorted(by_id.iterdir())}


def _name_of(entry: Path) -> str:
    try:
        return (entry / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "camera"
