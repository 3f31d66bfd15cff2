"""Tests that run inside of a machine of their own.

Outside, the machine is booted once and runs all that was chosen; each test's result is reported
here as if it had run here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from linux_kernel import CannotRun
from tools import missing

INSIDE = "EDGE_TESTS_INSIDE"

# Runs the tests of these names in the machine, writing reports to the file that INSIDE names there;
# gives what the machine printed, the reports in it. Raises CannotRun or OSError.
Machine = Callable[[list[str]], str]


class Inside:
    """The tests of a folder, and the machine that runs them; `tool` is what they need."""

    def __init__(self, folder: Path, tool: str, machine: Machine) -> None:
        self._folder = folder
        self._tool = tool
        self._machine = machine
        self._results: _Results | None = None

    def register(self, config: pytest.Config) -> None:
        """Makes this a plugin of pytest; for pytest_configure() of the folder's conftest.py."""
        config.pluginmanager.register(self, f"inside-{self._tool}")
        if INSIDE in os.environ:
            config.pluginmanager.register(_Recorder(config), "inside-recorder")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in filter(self._is_ours, items):
            item.add_marker(self._tool)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Outside, gives the reports of the machine in place of running the test."""
        if INSIDE in os.environ or not self._is_ours(item):
            return None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._reports(item):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _is_ours(self, item: pytest.Item) -> bool:
        return item.path.is_relative_to(self._folder)

    def _reports(self, item: pytest.Item) -> list[pytest.TestReport]:
        if self._results is None:
            chosen = [other.nodeid for other in item.session.items if self._is_ours(other)]
            self._results = self._run(item.config, chosen)
        results = self._results
        if item.nodeid in results.reports:
            return results.reports[item.nodeid]

        def refuse() -> None:
            if results.cannot:
                missing(self._tool, results.cannot)
            pytest.fail(f"The machine did not come to this test: {results.said}")

        call = pytest.CallInfo.from_call(refuse, "setup")
        return [item.ihook.pytest_runtest_makereport(item=item, call=call)]

    def _run(self, config: pytest.Config, chosen: list[str]) -> _Results:
        try:
            said = self._machine(chosen)
        except CannotRun as error:
            return _Results(cannot=str(error))
        except OSError as error:
            said = str(error)
        results = _Results()
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


@dataclass
class _Results:
    """What the machine reported, by test; else why it did not run, or what it said."""

    reports: dict[str, list[pytest.TestReport]] = field(default_factory=dict)
    cannot: str | None = None
    said: str = ""


class _Recorder:
    """Prints every report in a line of its own, for the machine outside."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._file = Path(os.environ[INSIDE]).open("a", buffering=1)  # noqa: SIM115, to the end

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._file.write(json.dumps(data, default=str) + "\n")
