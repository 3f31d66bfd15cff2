from __future__ import annotations

from pathlib import Path

import pytest

from camera.errors import CameraError
from camera.sources.spec import KINDS, from_spec


@pytest.mark.parametrize(
    ("text", "described"),
    [
        ("demo", "demo: "),
        ("folder:some/photos", "folder: photos"),
        ("folder:some/photos?interval=0.5", "folder: photos"),
        ("file:clips/a?b=c.mp4", "file: a?b=c.mp4"),
        ("usb:0", "usb: /dev/video0"),
        ("usb:2?size=1280x720&fps=30&format=yuyv", "usb: /dev/video2 YUYV 1280x720 30 fps"),
        ("usb:/dev/v4l/by-id/cam-index0", "usb: /dev/v4l/by-id/cam-index0"),
        (" USB:0 ", "usb: /dev/video0"),
        ("rtsp://me:secret@camera/live?a=b", "rtsp: camera/live"),
        ("rtsps://camera:322/live", "rtsps: camera:322/live"),
        ("csi:0", "csi: 0 1280x720"),
        ("csi:1?size=640x480&fps=15", "csi: 1 640x480 15 fps"),
        ("jetson-csi:1?size=1920x1080&fps=30&flip=2", "jetson-csi: 1 1920x1080 30 fps"),
        ("gstreamer:souphttpsrc user-pw=secret ! jpegparse", "gstreamer: souphttpsrc ! jpegparse"),
    ],
)
def test_a_specification_names_its_source(text, described):
    assert from_spec(text).describe().startswith(described)


@pytest.mark.parametrize("text", ["", "webcam", "raspi:0", "0", "/dev/video0"])
def test_an_unknown_kind_lists_what_is_known(text):
    with pytest.raises(CameraError) as raised:
        from_spec(text)
    for kind in KINDS.values():
        assert kind.syntax in str(raised.value)


@pytest.mark.parametrize(
    ("text", "offender"),
    [
        ("demo:1", "no options"),
        ("folder:", "path"),
        ("file:", "path"),
        ("folder:x?interval=0", "'0'"),
        ("folder:x?interval=soon", "'soon'"),
        ("folder:x?interval=nan", "'nan'"),
        ("folder:x?interval", "no value"),
        ("folder:x?speed=2", "'speed'"),
        ("usb:", "''"),
        ("usb:front", "'front'"),
        ("usb:-1", "'-1'"),
        ("usb:0?size=big", "'big'"),
        ("usb:0?size=0x720", "'0x720'"),
        ("usb:0?fps=0", "'0'"),
        ("usb:0?fps=30&fps=60", "twice"),
        ("usb:0?format=H264", "MJPG, JPEG, YUYV"),
        ("csi:", "''"),
        ("csi:/dev/video0", "by its number"),
        ("csi:0?size=big", "'big'"),
        ("csi:0?flip=1", "'flip'"),
        ("jetson-csi:first", "'first'"),
        ("jetson-csi:0?flip=8", "'8'"),
        ("gstreamer:", "elements with !"),
        ("gstreamer:v4l2src !", "elements with !"),
        ("gstreamer:v4l2src device='/dev/video0", "quotation mark"),
    ],
)
def test_a_malformed_specification_says_what_is_wrong(text, offender):
    with pytest.raises(CameraError, match=offender):
        from_spec(text)


def test_a_password_in_an_unknown_address_is_not_repeated():
    with pytest.raises(CameraError) as raised:
        from_spec("gopher://user:secret@host/stream")
    assert "secret" not in str(raised.value)


def test_a_tilde_means_the_home_directory(monkeypatch, tmp_path, gray):
    from PIL import Image

    monkeypatch.setenv("HOME", str(tmp_path))
    Image.fromarray(gray(5)).save(Path(tmp_path) / "a.png")
    source = from_spec("folder:~")
    source.open()
    assert source.read().shape == (48, 64, 3)
