"""Cameras in the sandbox of the installed service: its unit, systemd, and a kernel with cameras."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tools import until

CHECKOUT = Path(__file__).resolve().parents[2]
ENTRY = """#!{venv}/bin/python3
import sys
from edge_server.cli import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[[str], None]]:
    """Starts the service with a camera."""
    venv = Path(os.environ["VENV"])
    site = next(venv.glob("lib/python3*/site-packages"))
    for package in ("edge_server", "camera"):
        shutil.copytree(CHECKOUT / package, site / package)
    entry = venv / "bin/edge-server"
    entry.write_text(ENTRY.format(venv=venv))
    entry.chmod(0o755)
    shutil.copy(CHECKOUT / "systemd/edge-server.service", "/etc/systemd/system")
    shutil.copy(CHECKOUT / "systemd/edge-server.sysusers", "/usr/lib/sysusers.d/edge-server.conf")
    system("systemd-sysusers")
    settings = Path("/etc/edge-server/edge-server.env")
    settings.parent.mkdir()

    def with_camera(spec: str) -> None:
        settings.write_text(f"EDGE_CAMERA={spec}\n")
        system("systemctl", "daemon-reload")
        system("systemctl", "restart", "edge-server")

    yield with_camera
    system("systemctl", "stop", "edge-server")


def system(*command: str) -> None:
    subprocess.run(command, check=True, timeout=120)


def get(path: str) -> bytes:
    """The answer's body, or nothing while it is not 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8080{path}", timeout=30) as answer:
            return answer.read()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        ("csi:0?size=640x480", (640, 480)),
        ("usb:/dev/v4l/by-path/platform-vivid.0-video-index0?size=320x180", (320, 180)),
        (
            "gstreamer:videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=5/1",
            (160, 120),
        ),
    ],
)
def test_a_camera_is_shown_and_classified(start, spec, size):
    start(spec)
    try:
        jpeg = until(lambda: get("/camera/snapshot.jpg"), seconds=180)
        assert Image.open(io.BytesIO(jpeg)).size == size
        answer = json.loads(until(lambda: get("/camera/prediction")))
    except AssertionError:
        subprocess.run(["journalctl", "--unit=edge-server", "--lines=20", "-o", "cat"], check=False)
        raise
    assert answer["camera"]["state"] == "live"
    assert answer["prediction"] in "0123456789"
