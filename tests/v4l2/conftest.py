"""Tests on cameras of a real kernel. They run inside of a machine that has one (linux_machine)."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import linux_machine
from inside import INSIDE, Inside
from tools import until

CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT = 420


def _machine(chosen: list[str]) -> str:
    paths = ":".join([str(CHECKOUT), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    script = f"""
cd {shlex.quote(str(CHECKOUT))}
export PYTHONPATH={shlex.quote(paths)} PYTHONDONTWRITEBYTECODE=1 HOME=/root {INSIDE}=/run/reports
modprobe uvcvideo nodrop=1
modprobe vhci-hcd
modprobe vivid n_devs=1 node_types=0x1
udevadm settle
{shlex.join(command)}
echo
cat /run/reports
"""
    _, said = linux_machine.run(script, TIMEOUT)
    return said


def pytest_configure(config: pytest.Config) -> None:
    Inside(Path(__file__).parent, "v4l2", _machine).register(config)


@pytest.fixture
def vivid() -> Iterator[VividCamera]:
    """The kernel's test camera, which shows 75 % colour bars."""
    camera = VividCamera()
    yield camera
    camera.plug()


class VividCamera:
    """Unplugged by taking the device from its driver."""

    _DRIVER = Path("/sys/bus/platform/drivers/vivid")
    _NODES = Path("/sys/bus/platform/devices/vivid.0/video4linux")

    @property
    def path(self) -> str:
        return "/dev/v4l/by-path/platform-vivid.0-video-index0"

    def unplug(self) -> None:
        (self._DRIVER / "unbind").write_text("vivid.0")

    def plug(self) -> None:
        if not (self._DRIVER / "vivid.0").exists():
            (self._DRIVER / "bind").write_text("vivid.0")
        until(lambda: Path(self.path).exists())


@pytest.fixture(name="until")
def _until() -> Callable[..., None]:
    """Waits for a condition, with patience."""
    return until
