"""No camera is plugged into a machine that tests, so OpenCV's capture is played here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from camera.errors import CameraError
from camera.sources import usb
from camera.sources.usb import UsbSource, fourcc_text

RED_IN_BGR = np.full((48, 64, 3), (0, 0, 255), np.uint8)


class Capture:
    def __init__(self, reads, *, opens=True):
        self.reads = list(reads)
        self.opens = opens
        self.settings = []
        self.released = False

    def isOpened(self):
        return self.opens

    def set(self, what, value):
        self.settings.append((what, value))
        return True

    def get(self, what):
        return dict(self.settings).get(what, 0.0)

    def read(self):
        return self.reads.pop(0) if self.reads else (False, None)

    def release(self):
        self.released = True


@pytest.fixture
def plugged(monkeypatch, tmp_path):
    """A device file, and a source on it whose capture is the one given."""

    def plug(capture, **settings):
        class Cv2:
            def __getattr__(self, name):
                return getattr(cv2, name)

            def VideoCapture(self, device, backend):
                return capture

        monkeypatch.setattr(usb, "load_cv2", Cv2)
        device = tmp_path / "video0"
        device.touch()
        return UsbSource(str(device), **settings)

    return plug


def test_frames_become_rgb(plugged):
    source = plugged(Capture([(True, RED_IN_BGR)]))
    source.open()
    assert source.read()[0, 0].tolist() == [255, 0, 0]


def test_the_format_is_set_before_size_and_rate(plugged):
    capture = Capture([])
    plugged(capture, size=(1280, 720), fps=30.0).open()
    assert capture.settings == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 30.0),
    ]


def test_a_flat_frame_is_refused_with_the_way_out(plugged):
    source = plugged(Capture([(True, np.zeros((1, 691200), np.uint8))]))
    source.open()
    with pytest.raises(CameraError, match=r"shape \(1, 691200\).*format=MJPG"):
        source.read()


def test_one_torn_picture_is_passed_over(plugged):
    source = plugged(Capture([(False, None), (True, RED_IN_BGR)]))
    source.open()
    assert source.read().shape == (48, 64, 3)


def test_an_unplugged_camera_is_an_error(plugged):
    source = plugged(Capture([]))
    source.open()
    with pytest.raises(CameraError, match="cable"):
        source.read()


def test_a_camera_in_use_is_an_error_and_is_released(plugged):
    capture = Capture([], opens=False)
    with pytest.raises(CameraError, match="close other programs"):
        plugged(capture).open()
    assert capture.released


def test_another_format_than_asked_for_is_logged(plugged, caplog):
    capture = Capture([])
    capture.get = lambda what: float(cv2.VideoWriter.fourcc(*"YUYV"))
    plugged(capture).open()
    assert "YUYV, not MJPG" in caplog.text


def test_a_missing_camera_is_named(tmp_path):
    with pytest.raises(CameraError, match=r"There is no camera at .*video7"):
        UsbSource(str(tmp_path / "video7")).open()


def test_a_fourcc_is_read_as_text():
    assert fourcc_text(cv2.VideoWriter.fourcc(*"MJPG")) == "MJPG"
