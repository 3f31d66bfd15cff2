"""CSI cameras with picamera2 and libcamera themselves, and every camera in the service's sandbox.

They run inside of a machine that has all that (pi_machine). Making it takes minutes and a gigabyte
of downloads, so they run only where they are asked for, with EDGE_TEST_REQUIRE=picamera2;
tests/camera/test_csi.py has what is always tested.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import pi_machine
from inside import INSIDE, Inside
from linux_kernel import CannotRun

TIMEOUT = 600


def _machine(chosen: list[str]) -> str:
    if "picamera2" not in os.environ.get("EDGE_TEST_REQUIRE", "").split(","):
        raise CannotRun("takes minutes: set EDGE_TEST_REQUIRE=picamera2")
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    return pi_machine.run(
        f"{INSIDE}=/run/reports $VENV/bin/python3 {shlex.join(command)}; echo; cat /run/reports",
        TIMEOUT,
    )


def pytest_configure(config: pytest.Config) -> None:
    Inside(Path(__file__).parent, "picamera2", _machine).register(config)


class Camera:
    """The kernel's simulated sensor; its cable is taken out by taking it from its driver."""

    _DRIVER = Path("/sys/bus/platform/drivers/vimc")

    def unplug(self) -> None:
        (self._DRIVER / "unbind").write_text("vimc.0")

    def plug(self) -> None:
        if not (self._DRIVER / "vimc.0").exists():
            (self._DRIVER / "bind").write_text("vimc.0")


@pytest.fixture
def sensor() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.plug()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulated processor takes long to load picamera2."""
    monkeypatch.setattr("camera.sources.child._FIRST_TIMEOUT", 60.0)
