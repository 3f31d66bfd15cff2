from __future__ import annotations

import struct

import pytest

from camera.sources import v4l2

CAPTURE, METADATA, M2M, DEVICE_CAPS = 0x1, 0x00800000, 0x8000, 0x80000000


def capability(whole, device=0):
    """struct v4l2_capability of videodev2.h."""
    return struct.pack("=16s32s32sIII3I", b"uvc", b"Cam", b"usb", 0x60100, whole, device, 0, 0, 0)


@pytest.mark.parametrize(
    ("whole", "device", "answer"),
    [
        (DEVICE_CAPS | CAPTURE | METADATA, CAPTURE, True),
        (DEVICE_CAPS | CAPTURE | METADATA, METADATA, False),
        (DEVICE_CAPS | M2M, M2M, False),
        (CAPTURE, 0, True),
    ],
    ids=["uvc picture", "uvc metadata", "codec", "old driver"],
)
def test_only_nodes_that_capture_pictures_count(whole, device, answer):
    assert v4l2.captures(capability(whole, device)) is answer


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """sysfs and /dev of a machine with cameras 0 and 10, the second one known by its id."""
    monkeypatch.setattr(v4l2, "_may_capture", lambda path: True)
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    (dev / "v4l" / "by-id").mkdir(parents=True)
    for name, title in (("video10", "Cam B\n"), ("video0", "Cam A\n")):
        (sysfs / name).mkdir(parents=True)
        (sysfs / name / "name").write_text(title)
        (dev / name).touch()
    (sysfs / "v4l-subdev0").mkdir()
    (dev / "v4l" / "by-id" / "usb-cam-b").symlink_to("../../video10")
    return sysfs, dev


def test_cameras_are_listed_with_the_string_that_uses_them(machine):
    sysfs, dev = machine
    assert v4l2.list_devices(sysfs, dev) == [
        v4l2.VideoDevice("usb:0", "Cam A"),
        v4l2.VideoDevice(f"usb:{dev}/v4l/by-id/usb-cam-b", "Cam B"),
    ]


def test_a_machine_without_v4l2_has_no_cameras(tmp_path):
    assert v4l2.list_devices(tmp_path / "nothing", tmp_path) == []
