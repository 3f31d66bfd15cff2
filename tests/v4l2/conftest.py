"""Tests on cameras of a real kernel. They run inside of a machine that has one (linux_machine).

Outside, the machine is booted once and runs all that was chosen; each test's result is reported
here as if it had run here.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import linux_machine
from tools import missing, until

INSIDE = "EDGE_V4L2_INSIDE"
CHECKOUT = Path(__file__).resolve().parents[2]
TIMEOUT = 420


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("v4l2")


def pytest_configure(config: pytest.Config) -> None:
    if INSIDE in os.environ:
        config.pluginmanager.register(_Recorder(config), "v4l2-recorder")


class _Recorder:
    """Prints every report in a line of its own, for the machine outside."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = Path(os.environ[INSIDE]).open("a", buffering=1)  # noqa: SIM115, to the end

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._file.write(json.dumps(data, default=str) + "\n")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Outside, gives the reports of the machine in place of running the test."""
    if INSIDE in os.environ or not item.path.is_relative_to(Path(__file__).parent):
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _reports(item):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@dataclass
class _Results:
    """What the machine reported, by test; else why it did not run, or what it said."""

    reports: dict[str, list[pytest.TestReport]]
    cannot: str | None = None
    said: str = ""


_RESULTS = pytest.StashKey[_Results]()


def _reports(item: pytest.Item) -> list[pytest.TestReport]:
    session = item.session
    if _RESULTS not in session.stash:
        chosen = [
            other.nodeid
            for other in session.items
            if other.path.is_relative_to(Path(__file__).parent)
        ]
        session.stash[_RESULTS] = _run(item.config, chosen)
    results = session.stash[_RESULTS]
    if item.nodeid in results.reports:
        return results.reports[item.nodeid]

    def refuse() -> None:
        if results.cannot:
            missing("v4l2", results.cannot)
        pytest.fail(f"The machine did not come to this test: {results.said}")

    call = pytest.CallInfo.from_call(refuse, "setup")
    return [item.ihook.pytest_runtest_makereport(item=item, call=call)]


def _run(config: pytest.Config, chosen: list[str]) -> _Results:
    paths = ":".join([str(CHECKOUT), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    script = f"""
cd {shlex.quote(str(config.rootpath))}
export PYTHONPATH={shlex.quote(paths)} PYTHONDONTWRITEBYTECODE=1 HOME=/root {INSIDE}=/run/reports
modprobe uvcvideo nodrop=1
modprobe vhci-hcd
modprobe vivid n_devs=1 node_types=0x1
udevadm settle
{shlex.join(command)}
echo
cat /run/reports
"""
    try:
        _, said = linux_machine.run(script, TIMEOUT)
    except linux_machine.CannotRun as error:
        return _Results({}, cannot=str(error))
    except OSError as error:
        said = str(error)
    results = _Results({})
    rest = []
    for line in said.splitlines():
        try:
            data = json.loads(line)
            report = config.hook.pytest_report_from_serializable(config=config, data=data)
            results.reports.setdefault(report.nodeid, []).append(report)
        except (ValueError, TypeError, AttributeError):
            rest.append(line)
    results.said = "\n".join(rest)[-3000:]
    return results


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
