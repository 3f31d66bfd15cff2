"""What no real camera does on demand: a fake device at the seam of the driver's calls.

All else is tested on cameras of a real kernel, in tests/v4l2.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections import deque

import numpy as np
import pytest

from camera.errors import CameraError
from camera.sources.spec import from_spec
from camera.sources.usb import UsbSource
from camera.sources.usb_opencv import OpencvUsbSource
from camera.sources.v4l2.device import Filled
from camera.sources.v4l2.offer import Mode, Offer
from camera.sources.v4l2.pixels import Layout

GREY = Offer("GREY", (Mode((8, 4)),))


class FakeDevice:
    """Hands out what was filled: a shade for a picture, None for a torn one, or an error."""

    streams, buffers = True, 4

    def __init__(self, filled=(), offers=(GREY,), fails_at_start=None, layout="GREY"):
        self.descriptor, self._filling = os.pipe()
        os.set_blocking(self.descriptor, False)
        self.filled = deque()
        self.given = []
        self.closed = 0
        self._offers, self._fails, self._code = list(offers), fails_at_start, layout
        self.fill(*filled)

    def fill(self, *what):
        self.filled.extend(what)
        os.write(self._filling, bytes(len(what)))

    def offers(self):
        return self._offers

    def set_format(self, code, size):
        return Layout(self._code, size, size[0])

    def set_rate(self, fps):
        return None

    def start(self, count):
        if self._fails:
            raise OSError(self._fails, os.strerror(self._fails))

    def take(self):
        if not self.filled:
            return None
        os.read(self.descriptor, 1)
        self.current = self.filled.popleft()
        if isinstance(self.current, OSError):
            raise self.current
        self.shades = {**getattr(self, "shades", {}), len(self.filled): self.current}
        return Filled(len(self.filled), 32, self.current is None)

    def memory(self, filled):
        return memoryview(bytes([self.shades[filled.index]]) * filled.used)

    def give(self, index):
        self.given.append(index)

    def close(self):
        self.closed += 1
        for descriptor in (self.descriptor, self._filling):
            os.close(descriptor)


def opened(device, **settings):
    source = UsbSource("/dev/video9", opener=lambda path: device, **settings)
    source.open()
    return source


def test_of_several_that_wait_the_newest_is_read_and_all_are_given_back():
    device = FakeDevice([10, 20, 30])
    source = opened(device)
    assert source.read()[0, 0].tolist() == [30, 30, 30]
    assert sorted(device.given) == [0, 1, 2]
    source.close()


def test_of_several_that_wait_a_torn_one_gives_way_to_the_one_before():
    source = opened(FakeDevice([10, 20, None]))
    assert source.read()[0, 0, 0] == 20
    assert ", 1 torn left out" in source.describe()
    source.close()


def test_where_all_buffers_were_full_they_are_too_old():
    device = FakeDevice([10, 20, 30, 40])
    source = opened(device)
    threading.Timer(0.2, device.fill, [50]).start()
    assert source.read()[0, 0, 0] == 50
    source.close()


def test_a_device_that_is_always_full_is_read_all_the_same():
    device = FakeDevice([10, 20, 30, 40, 50, 60, 70, 80])
    source = opened(device)
    assert source.read()[0, 0, 0] == 80
    source.close()


@pytest.mark.parametrize("number", [errno.ENODEV, errno.EIO, errno.EPIPE, errno.EPROTO])
def test_whatever_an_unplugged_camera_answers_it_is_said_so(number):
    source = opened(FakeDevice([10, OSError(number, "gone")]))
    with pytest.raises(CameraError, match="was unplugged"):
        source.read()
    source.close()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "USB has no room left"),
        (errno.EBUSY, "in use by another program"),
        (errno.ENOTTY, "is no camera that gives pictures"),
        (errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_a_camera_that_cannot_start_says_what_to_do_and_is_released(number, sentence):
    device = FakeDevice(fails_at_start=number)
    with pytest.raises(CameraError, match=sentence):
        opened(device)
    assert device.closed == 1


def test_closed_twice_and_by_another_thread_the_device_is_released_once():
    device = FakeDevice()
    source = opened(device)
    threading.Timer(0.2, source.close).start()
    with pytest.raises(CameraError, match="was closed"):
        source.read()
    source.close()
    assert device.closed == 1


def test_a_source_is_opened_again_after_close():
    source = opened(FakeDevice([10]))
    source.read()
    source.close()
    with pytest.raises(CameraError, match="open it first"):
        source.read()
    source._opener = lambda path: FakeDevice([20])
    source.open()
    assert source.read()[0, 0, 0] == 20
    source.close()


def test_a_camera_of_unknown_formats_only_says_which_they_are():
    with pytest.raises(CameraError, match=r"known here \(H264, pBAA\)"):
        opened(FakeDevice(offers=[Offer("H264"), Offer("pBAA")]))


def test_another_format_than_is_known_here_is_refused():
    with pytest.raises(CameraError, match="gives H264 in place of GREY"):
        opened(FakeDevice(layout="H264"))


def test_a_missing_camera_is_named(tmp_path):
    with pytest.raises(CameraError, match=r"There is no camera at .*video7"):
        UsbSource(str(tmp_path / "video7")).open()


def test_a_file_that_is_no_camera_is_refused(tmp_path):
    (tmp_path / "video7").touch()
    with pytest.raises(CameraError, match="is no camera that gives pictures"):
        UsbSource(str(tmp_path / "video7")).open()


def test_what_was_asked_for_is_described_before_it_is_open():
    source = from_spec("usb:2?size=640x480&fps=15&format=yuyv")
    assert source.describe() == "usb: /dev/video2 YUYV 640x480 15 fps"
    assert from_spec("usb:0").describe() == "usb: /dev/video0"


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_use_opencv(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    source = from_spec("usb:0?size=640x480")
    assert isinstance(source, OpencvUsbSource)
    assert source.describe() == "usb: 0 640x480"


class Capture:
    """cv2.VideoCapture, which needs a camera of another system."""

    def __init__(self, reads):
        self.reads = list(reads)

    def isOpened(self):
        return bool(self.reads)

    def get(self, what):
        return 0.0

    def read(self):
        return self.reads.pop(0) if self.reads else (False, None)

    def release(self):
        self.reads.clear()


@pytest.fixture
def through_opencv(monkeypatch):
    def source(*reads):
        import cv2

        monkeypatch.setattr(cv2, "VideoCapture", lambda device, backend: Capture(reads))
        return OpencvUsbSource(0)

    return source


def test_opencv_gives_rgb_passes_over_one_torn_picture_and_notices_the_end(through_opencv):
    source = through_opencv((False, None), (True, np.full((4, 8, 3), (0, 0, 255), np.uint8)))
    source.open()
    assert source.read()[0, 0].tolist() == [255, 0, 0]
    with pytest.raises(CameraError, match="cable"):
        source.read()


def test_opencv_without_a_camera_is_an_error(through_opencv):
    with pytest.raises(CameraError, match="plug it in"):
        through_opencv().open()
