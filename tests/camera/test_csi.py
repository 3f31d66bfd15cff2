"""The Pi's CSI camera: real processes, but no Pi is here, so its picamera2 has a stand-in.

The stand-in (tests/support/stand_in) has just the API that is used, as picamera2 0.3 has it.
picamera2 itself is in tests/picamera2.
"""

from __future__ import annotations

import json
import signal
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from camera.broadcast import Broadcast
from camera.cli import main
from camera.errors import CameraError
from camera.sources import csi_devices
from camera.sources.csi import SYSTEM_PYTHON, CsiSource
from camera.sources.csi_devices import (
    is_csi_hardware,
    list_csi_cameras,
    list_jetson_cameras,
)

STAND_IN = Path(__file__).resolve().parents[1] / "support" / "stand_in"
# Takes the place of the system's Python, and lets it find the stand-in in spite of -I.
PYTHON = f"""#!{SYSTEM_PYTHON}
import runpy, sys
assert sys.argv[1] == "-I"
sys.path.insert(0, {str(STAND_IN)!r})
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
TWO_AND_USB = [
    {"Model": "imx708", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0},
    {"Model": "imx219", "Id": "/base/soc/i2c0mux/i2c@0/imx219@10", "Num": 1},
    {"Model": "UVC", "Id": "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1:1.0", "Num": 2},
]


class Pi:
    """A stand-in for a Pi: what its picamera2 plays, and what that was told."""

    def __init__(self, folder, monkeypatch):
        self._monkeypatch = monkeypatch
        self._log = folder / "log"
        self.python = str(folder / "python3")
        Path(self.python).write_text(PYTHON)
        Path(self.python).chmod(0o755)
        self.play(cameras=TWO_AND_USB, pictures=[])

    def play(self, **what):
        play = {"log": str(self._log), "cameras": TWO_AND_USB} | what
        self._monkeypatch.setenv("PICAMERA2_STAND_IN", json.dumps(play))

    def told(self):
        return [json.loads(line) for line in self._log.read_text().splitlines()]


@pytest.fixture
def pi(tmp_path, monkeypatch):
    return Pi(tmp_path, monkeypatch)


@pytest.fixture
def photos(tmp_path, gray):
    paths = []
    for n, size in enumerate([(64, 48), (160, 120)]):
        paths.append(str(tmp_path / f"{n}.jpg"))
        Image.fromarray(gray(100, size)).save(paths[-1])
    return paths


def refusal(source):
    with closing(source), pytest.raises(CameraError) as raised:
        source.open()
        source.read()
    return str(raised.value)


def test_pictures_come_as_the_camera_encoded_them(pi, photos):
    pi.play(pictures=photos[:1])
    with closing(CsiSource(0, python=pi.python)) as source:
        source.open()
        assert source.read().data == Path(photos[0]).read_bytes()


def test_the_size_may_change_from_picture_to_picture(pi, photos):
    pi.play(pictures=photos)
    with closing(CsiSource(0, python=pi.python)) as source:
        source.open()
        assert {source.read().size for _ in range(20)} == {(64, 48), (160, 120)}


def test_size_and_rate_are_set_and_the_camera_is_closed_in_the_end(pi, photos):
    pi.play(pictures=photos)
    with closing(CsiSource(1, size=(640, 480), fps=25.0, python=pi.python)) as source:
        source.open()
        source.read()
    controls = {"FrameDurationLimits": [40000, 40000]}
    assert pi.told() == [
        ["configured", 1, {"main": {"size": [640, 480]}, "controls": controls}],
        ["recording", "MJPEGEncoder"],
        ["stopped"],
        ["closed"],
    ]


def test_the_camera_is_closed_in_the_end_where_ctrl_c_is_ignored_too(pi, photos):
    """As a script's shell has it for what it starts in the background."""
    pi.play(pictures=photos)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with closing(CsiSource(0, python=pi.python)) as source:
            source.open()
            source.read()
    finally:
        signal.signal(signal.SIGINT, before)
    assert pi.told()[-2:] == [["stopped"], ["closed"]]


def test_without_the_encoder_in_hardware_pictures_are_encoded_one_by_one(pi, photos):
    pi.play(pictures=photos, hardware=False)
    with closing(CsiSource(0, python=pi.python)) as source:
        source.open()
        source.read()
    assert ["recording", "JpegEncoder"] in pi.told()


def test_viewers_get_the_cameras_own_jpeg(pi, photos, grab):
    pi.play(pictures=photos[:1])
    grabber = grab(CsiSource(0, python=pi.python))
    _, sent = Broadcast(grabber).snapshot(timeout=10)
    assert sent == Path(photos[0]).read_bytes()


def test_a_machine_without_picamera2_says_how_to_install_it():
    assert "apt-get install python3-picamera2" in refusal(CsiSource(0))


def test_a_machine_without_a_systems_python_says_so(tmp_path):
    assert "There is no program" in refusal(CsiSource(0, python=str(tmp_path / "python3")))


@pytest.mark.parametrize(
    ("cameras", "words"),
    [
        ([], "There is no CSI camera;"),
        (TWO_AND_USB, "There is no CSI camera 2, but csi:0 to csi:1;"),
        (TWO_AND_USB[1:], "There is no CSI camera 2, but csi:0 alone;"),
        (TWO_AND_USB[2:], "There is no CSI camera;"),
    ],
)
def test_a_camera_that_is_not_there_is_named(pi, cameras, words):
    pi.play(cameras=cameras)
    assert refusal(CsiSource(2, python=pi.python)).startswith(words)


def test_a_camera_in_use_says_so(pi):
    pi.play(busy=True)
    assert "close other programs" in refusal(CsiSource(0, python=pi.python))


def test_a_camera_with_a_loose_cable_says_so(pi, monkeypatch):
    monkeypatch.setattr("camera.sources.child._FIRST_TIMEOUT", 0.5)
    pi.play(pictures=[])
    assert "check its cable" in refusal(CsiSource(0, python=pi.python))


def test_the_list_names_csi_cameras_but_not_usb_ones(pi, monkeypatch, capsys):
    assert list_csi_cameras(pi.python) == [("csi:0", "imx708"), ("csi:1", "imx219")]
    monkeypatch.setattr("camera.cli.list_csi_cameras", lambda: list_csi_cameras(pi.python))
    assert main(["list"]) == 0
    assert "csi:1  imx219" in capsys.readouterr().out


def test_a_machine_without_csi_cameras_lists_none(tmp_path):
    assert list_csi_cameras() == []
    assert list_csi_cameras(str(tmp_path / "missing")) == []
    assert list_jetson_cameras(tmp_path / "missing") == []


def test_a_picamera2_that_hangs_does_not_hold_up_the_list(tmp_path, monkeypatch):
    monkeypatch.setattr(csi_devices, "_TIMEOUT", 0.2)
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\nexec sleep 30\n")
    python.chmod(0o755)
    assert list_csi_cameras(str(python)) == []


def test_a_jetsons_sensors_are_listed_by_their_nodes(tmp_path):
    names = {"video0": "vi-output, imx219 9-0010", "video1": "HD Webcam", "video10": "vi-output, b"}
    for node, name in names.items():
        (tmp_path / node).mkdir()
        (tmp_path / node / "name").write_text(f"{name}\n")
    assert list_jetson_cameras(tmp_path) == [
        ("jetson-csi:0", "imx219 9-0010"),
        ("jetson-csi:1", "b"),
    ]


def test_nodes_of_camera_hardware_are_no_usb_cameras():
    names = ["unicam", "HD Webcam", "bcm2835-isp"]
    assert [name for name in names if not is_csi_hardware(name)] == ["HD Webcam"]
