"""What a camera's driver refuses, said to its user; knows only error numbers."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from camera.command import spelled
from camera.errors import CameraError

GONE: Final = frozenset(
    {errno.ENODEV, errno.ENXIO, errno.EIO, errno.EPIPE, errno.EPROTO, errno.ESHUTDOWN}
)
_LIST: Final = spelled("choose one of `python -m camera list`")


def explained(error: OSError, path: str) -> CameraError:
    """The sentence for what a call on the device `path` raised."""
    return CameraError(_sentence(error, path))


def unplugged(path: str) -> CameraError:
    return CameraError(
        f"The camera {path} was unplugged or has stopped; check its cable and power, "
        "it is reopened by itself."
    )


def _sentence(error: OSError, path: str) -> str:
    if error.errno in GONE:
        return str(unplugged(path))
    if error.errno == errno.EBUSY:
        return f"The camera {path} is in use{_by(path)}; close that program, or {_LIST}."
    for numbers, sentence in _SENTENCES.items():
        if error.errno in numbers:
            return sentence.format(path)
    return f"The camera {path} can't be used ({error.strerror or error}); unplug it and plug it in."


_SENTENCES: Final = {
    (errno.ENOENT,): f"There is no camera at {{}}; plug it in, or {_LIST}.",
    (errno.EACCES, errno.EPERM): "The camera {} may not be used; add this user to the group video.",
    (errno.ENOSPC,): (
        "USB has no room left for the pictures of {}; choose format=MJPG or a smaller size, or "
        "plug the camera into another USB port."
    ),
    (errno.ENOTTY, errno.EINVAL): f"{{}} is no camera that gives pictures; {_LIST}.",
}


def _by(path: str) -> str:
    """` by NAME (process N)`, for the other process that may be seen to have it open."""
    device = os.path.realpath(path)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if int(entry.name) != os.getpid() and any(
                os.path.realpath(link) == device for link in (entry / "fd").iterdir()
            ):
                return f" by {(entry / 'comm').read_text().strip()} (process {entry.name})"
        except OSError:
            continue
    return " by another program"
