"""Which V4L2 capture devices this machine has, and what they offer; captures nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from camera.sources.v4l2.device import Device
from camera.sources.v4l2.offer import Offer


@dataclass(frozen=True)
class VideoDevice:
    """A capture device: the string that names it as a source, its name, and what it offers.

    note  why that is not known, where it is not
    """

    spec: str
    name: str
    offers: tuple[Offer, ...] = ()
    note: str | None = None


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
        if not path.exists():
            continue
        spec = stable.get(entry.name) or f"usb:{number}"
        try:
            offers = _offers(str(path))
        except PermissionError:
            note = "may not be asked; add this user to the group video"
            found.append(VideoDevice(spec, _name_of(entry), note=note))
            continue
        except OSError:
            # A codec, the metadata of a camera, or one that is just being unplugged.
            continue
        found.append(VideoDevice(spec, _name_of(entry), tuple(offers)))
    return found


def _offers(path: str) -> list[Offer]:
    device = Device(path)
    try:
        return device.offers()
    finally:
        device.close()


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
