"""The pipeline for a CSI camera of an NVIDIA Jetson; starts nothing."""

from __future__ import annotations

from camera.sources.gstreamer import GStreamerSource


def jetson_csi(
    sensor: int, *, size: tuple[int, int] | None, fps: float | None, flip: int
) -> GStreamerSource:
    """The camera at connector `sensor`, through the Jetson's image processor (libargus).

    size  1280x720 where it is None; fps: the sensor's choice where it is None
    flip  nvvidconv's flip-method, 0..7; 2 turns the picture upside down
    """
    width, height = size or (1280, 720)
    rate = f",framerate={round(fps)}/1" if fps else ""
    shown = f" {round(fps)} fps" if fps else ""
    return GStreamerSource(
        f"nvarguscamerasrc sensor-id={sensor} ! "
        f"'video/x-raw(memory:NVMM),width={width},height={height},format=NV12{rate}' ! "
        f"nvvidconv flip-method={flip} ! video/x-raw,format=I420",
        description=f"jetson-csi: {sensor} {width}x{height}{shown}",
    )
