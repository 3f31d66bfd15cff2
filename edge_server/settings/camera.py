"""The camera, and what is told of what it sees."""

from __future__ import annotations

from dataclasses import dataclass

from camera.command import spelled
from camera.errors import CameraError
from edge_server.configuration.declaration import setting
from edge_server.errors import SettingError
from edge_server.inference import region as regions


def _check_camera(spec: str) -> None:
    if spec == "none":
        return
    from camera.sources.spec import from_spec  # noqa: PLC0415, who has no camera needs none of them

    try:
        from_spec(spec)
    except CameraError as error:
        raise SettingError(str(error)) from error


def _check_region(text: str) -> None:
    regions.parse(text)


@dataclass(frozen=True)
class CameraSettings:
    camera: str | None = setting(
        None,
        "camera: demo, usb:0, csi:0, rtsp://HOST/PATH, http://HOST/PATH, folder:DIR, file:CLIP or "
        + spelled("none; `python -m camera list` knows all ")
        + "(default: demo with the bundled model, else none)",
        "SPEC",
        check=_check_camera,
        reason="no camera is opened unasked, and the demo's digits fit the bundled model alone",
    )
    classify_fps: float = setting(
        0.0,
        "frames of the camera that are classified each second, at most (0: as many as pay)",
        "N",
        minimum=0,
        maximum=120,
        reason="ten a second while the scene changes and four while it does not, never more than "
        "half of the time, and uploads go first",
    )
    region: str | None = setting(
        None,
        "part of the camera's picture to classify: left edge, upper edge, width and height as "
        "fractions of the upright picture, such as 0.25,0,0.5,1",
        "X,Y,WIDTH,HEIGHT",
        check=_check_region,
        reason="nobody but you knows where in the picture the things will be",
    )
    smoothing: float = setting(
        0.5,
        "seconds over which the camera's answers are averaged (0: each frame for itself)",
        "SECONDS",
        minimum=0,
        maximum=60,
        reason="a label stops to flicker, and a person who puts something down waits no longer "
        "for it than to look up",
    )
    min_confidence: float = setting(
        0.5,
        "confidence from which on an answer is sure; below, page and events say that it is not",
        "0..1",
        minimum=0,
        maximum=1,
        reason="from half on, no other class can be as likely",
    )
    subscribers: int = setting(
        8,
        "most programs that follow GET /camera/events at once",
        "N",
        minimum=0,
        maximum=256,
        reason="each holds a thread; a page and a home automation need one each",
    )
