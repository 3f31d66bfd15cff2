"""CSI cameras with picamera2 and libcamera themselves; the sensor is simulated by the kernel."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from camera.errors import CameraError
from camera.grabber import Grabber
from camera.sources.csi import CsiSource
from camera.sources.csi_devices import list_csi_cameras
from tools import until

SIZE = (640, 480)
# The sensor's test picture: 75 % colour bars, from left to right.
BARS = [(1, 1, 1), (1, 1, 0), (0, 1, 1), (0, 1, 0), (1, 0, 1), (1, 0, 0), (0, 0, 1), (0, 0, 0)]


def camera(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "camera", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def bars(jpeg: bytes) -> list[tuple[int, ...]]:
    """Which of red, green and blue are bright in the middle of each of eight bars."""
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    height, width = pixels.shape[:2]
    middles = [round((n + 0.5) * width / 8) for n in range(8)]
    return [
        tuple(int(v > 96) for v in pixels[height // 4, m - 4 : m + 4].mean(axis=0)) for m in middles
    ]


def test_the_list_names_the_camera_and_its_sensor():
    listed = camera("list")
    assert listed.returncode == 0, listed.stderr
    assert "csi:0" in listed.stdout and "Sensor B" in listed.stdout


def test_a_snapshot_has_the_size_and_the_colours_of_what_is_seen(tmp_path):
    picture = tmp_path / "x.jpg"
    taken = camera("snapshot", "csi:0?size=640x480", "-o", str(picture))
    assert taken.returncode == 0, taken.stderr
    jpeg = picture.read_bytes()
    assert Image.open(io.BytesIO(jpeg)).size == SIZE
    assert bars(jpeg) == BARS


def test_pictures_come_one_after_the_other_and_the_camera_is_free_in_the_end():
    for _ in range(2):
        with closing(CsiSource(0, size=SIZE)) as source:
            source.open()
            pictures = [source.read() for _ in range(4)]
        assert [picture.size for picture in pictures] == [SIZE] * 4


def test_a_camera_in_use_says_so():
    with closing(CsiSource(0, size=SIZE)) as source, closing(CsiSource(0, size=SIZE)) as second:
        source.open()
        source.read()
        with pytest.raises(CameraError, match="close other programs"):
            second.open()
            second.read()
        assert source.read().size == SIZE


def test_a_camera_that_is_not_there_is_named():
    with closing(CsiSource(1)) as source, pytest.raises(CameraError, match="no CSI camera 1"):
        source.open()
        source.read()


def test_a_cable_that_is_taken_out_is_noticed_and_the_camera_comes_back(sensor):
    grabber = Grabber(CsiSource(0, size=SIZE))
    grabber.start()
    try:
        until(grabber.latest, seconds=60)
        sensor.unplug()
        until(lambda: grabber.status().state.value == "lost", seconds=60)
        assert list_csi_cameras() == []
        sensor.plug()
        last = grabber.latest().number
        until(lambda: grabber.latest().number > last + 2, seconds=90)
    finally:
        grabber.stop()
