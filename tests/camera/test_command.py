"""Commands in messages can be typed on this machine, with and without an activated environment."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from camera import command
from camera.sources.v4l2.errors import explained

CHECKOUT = Path(__file__).resolve().parents[2]


def typed(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        shlex.split(line), cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_command_of_a_message_runs() -> None:
    sentence = str(explained(OSError(errno.ENOENT, "gone"), "/dev/video9"))
    (named,) = sentence.split("`")[1::2]
    done = typed(named)
    assert done.returncode == 0, done.stderr
    assert "What can be used" in done.stdout


def test_python_is_named_so_only_where_it_is_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command.spelled("run `python -m x`") == f"run `{shlex.quote(sys.executable)} -m x`"
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert command.python() == shlex.quote(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    assert command.python() == "python"


def test_a_path_below_the_current_directory_is_short_and_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.argument(tmp_path / "my models" / "a") == "'my models/a'"
    assert command.argument(Path("/usr/bin/python3")) == "/usr/bin/python3"


def test_usage_lines_show_what_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/edge-server/current/venv/bin/edge-camera", "list"])
    assert command.program("camera") == "edge-camera"
    monkeypatch.setattr(sys, "argv", [str(CHECKOUT / "camera" / "__main__.py"), "list"])
    assert command.program("camera") == f"{command.python()} -m camera"


@pytest.mark.parametrize(
    ("module", "environment"), [("camera", "edge"), ("edge_server", "edge"), ("convert", "dev")]
)
def test_an_interpreter_without_the_packages_is_told_which_environment_has_them(
    module: str, environment: str
) -> None:
    # -S leaves out site-packages, as Debian's own Python has none of them.
    done = subprocess.run(
        [sys.executable, "-S", "-m", module, "--help"],
        cwd=CHECKOUT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        | {"EDGE_VENVS": "/srv/my venvs"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    activate = f". '/srv/my venvs/{environment}'/bin/activate"
    assert f"`scripts/environment {environment} && {activate}`" in done.stderr
