"""The string that names a source, such as `usb:0?size=1280x720`; opens nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from camera.errors import CameraError
from camera.sources.csi import CsiSource
from camera.sources.file import FileSource
from camera.sources.folder import FolderSource
from camera.sources.gstreamer import GStreamerSource
from camera.sources.http import HttpSource
from camera.sources.jetson import jetson_csi
from camera.sources.options import number, picture_size, split_options
from camera.sources.rtsp import RtspSource
from camera.sources.source import Source
from camera.sources.usb import UsbSource
from camera.sources.v4l2.offer import FORMATS


@dataclass(frozen=True)
class Kind:
    """A kind of source: how its string is written, what it is, and how the rest is parsed."""

    syntax: str
    meaning: str
    parse: Callable[[str], Source]


def from_spec(text: str) -> Source:
    """The source that a string names, not yet opened.

    Raises CameraError for one that is unknown or malformed, with a list of what is known. The
    text itself is not repeated there beyond its kind, since an address may hold a password.
    """
    name, _, rest = text.strip().partition(":")
    kind = KINDS.get(name.lower())
    if kind is None:
        raise CameraError(f"There is no kind of camera '{name}'; use {known()}.")
    return kind.parse(rest)


def known() -> str:
    """The syntax of every kind, in one line."""
    *most, last = (kind.syntax for kind in KINDS.values())
    return f"{', '.join(most)} or {last}"


def _demo(rest: str) -> Source:
    if rest:
        raise CameraError("The demo camera has no options; write just demo.")
    from camera.sources.demo import DemoSource  # noqa: PLC0415, it draws, and fonts are large

    return DemoSource()


def _folder(rest: str) -> Source:
    syntax = KINDS["folder"].syntax
    target, options = split_options(rest, {"interval"}, syntax)
    interval = number(options, "interval", default=2.0, lowest=0.1, highest=86400.0, syntax=syntax)
    return FolderSource(_path(target, syntax), interval=interval)


def _file(rest: str) -> Source:
    return FileSource(_path(rest, KINDS["file"].syntax))


def _http(rest: str) -> Source:
    return HttpSource(f"http:{rest}")


def _https(rest: str) -> Source:
    return HttpSource(f"https:{rest}")


def _rtsp(rest: str) -> Source:
    return RtspSource(f"rtsp:{rest}")


def _rtsps(rest: str) -> Source:
    return RtspSource(f"rtsps:{rest}")


def _gstreamer(rest: str) -> Source:
    return GStreamerSource(rest)


def _csi(rest: str) -> Source:
    syntax = KINDS["csi"].syntax
    target, options = split_options(rest, {"size", "fps"}, syntax)
    return CsiSource(
        _connector(target, syntax),
        size=picture_size(options, "size", syntax),
        fps=_frame_rate(options, syntax),
    )


def _jetson_csi(rest: str) -> Source:
    syntax = KINDS["jetson-csi"].syntax
    target, options = split_options(rest, {"size", "fps", "flip"}, syntax)
    flip = number(options, "flip", default=0.0, lowest=0.0, highest=7.0, syntax=syntax)
    return jetson_csi(
        _connector(target, syntax),
        size=picture_size(options, "size", syntax),
        fps=_frame_rate(options, syntax),
        flip=round(flip),
    )


def _connector(target: str, syntax: str) -> int:
    if not (target.isascii() and target.isdigit() and len(target) <= 2):
        raise CameraError(f"A CSI camera is named by its number, not '{target}'; write {syntax}.")
    return int(target)


def _frame_rate(options: Mapping[str, str], syntax: str) -> float | None:
    return number(options, "fps", default=0.0, lowest=1.0, highest=1000.0, syntax=syntax) or None


def _usb(rest: str) -> Source:
    syntax = KINDS["usb"].syntax
    target, options = split_options(rest, {"size", "fps", "format"}, syntax)
    device: int | str
    if target.isascii() and target.isdigit():
        device = int(target)
    elif target.startswith("/"):
        device = target
    else:
        raise CameraError(
            f"A USB camera is named by its number or its device, not '{target}'; write {syntax} "
            "or usb:/dev/video0."
        )
    size = picture_size(options, "size", syntax)
    fps = number(options, "fps", default=0.0, lowest=1.0, highest=1000.0, syntax=syntax) or None
    chosen = _pixel_format(options, syntax)
    if sys.platform.startswith("linux"):
        return UsbSource(device, size=size, fps=fps, pixel_format=chosen)
    from camera.sources.usb_opencv import OpencvUsbSource  # noqa: PLC0415, of other systems only

    return OpencvUsbSource(device, size=size, fps=fps, pixel_format=chosen)


def _pixel_format(options: Mapping[str, str], syntax: str) -> str | None:
    if "format" not in options:
        return None
    chosen = options["format"].upper()
    if chosen not in FORMATS:
        raise CameraError(
            f"'{chosen}' is no pixel format known here; "
            f"use one of {', '.join(FORMATS)}, as in {syntax}."
        )
    return chosen


def _path(text: str, syntax: str) -> Path:
    if not text:
        raise CameraError(f"The path is missing; write {syntax}.")
    # A shell does not expand the ~ behind a colon.
    return Path(text).expanduser()


KINDS: dict[str, Kind] = {
    "demo": Kind("demo", "a slideshow of handwritten digits that comes with this program", _demo),
    "folder": Kind("folder:DIR[?interval=2]", "a slideshow of the pictures in a folder", _folder),
    "file": Kind("file:CLIP", "a video clip, over and over in real time", _file),
    "usb": Kind(
        "usb:0[?size=1280x720&fps=30&format=MJPG]",
        "a USB camera, by number or device (usb:/dev/video0)",
        _usb,
    ),
    "csi": Kind("csi:0[?size=1280x720&fps=30]", "a CSI camera of a Raspberry Pi", _csi),
    "jetson-csi": Kind(
        "jetson-csi:0[?size=1280x720&fps=30&flip=0]",
        "a CSI camera of an NVIDIA Jetson",
        _jetson_csi,
    ),
    "gstreamer": Kind(
        "gstreamer:PIPELINE", "the pictures of a GStreamer pipeline without its sink", _gstreamer
    ),
    "http": Kind(
        "http://HOST/PATH",
        "a camera in the network, by the address of its MJPEG stream or of its picture",
        _http,
    ),
    "https": Kind("https://HOST/PATH", "the same, encrypted", _https),
    "rtsp": Kind(
        "rtsp://HOST/PATH",
        "a camera in the network, by the address of its H.264, H.265 or MJPEG stream",
        _rtsp,
    ),
    "rtsps": Kind("rtsps://HOST/PATH", "the same, encrypted", _rtsps),
}
