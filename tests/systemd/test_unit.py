"""The unit and what lies beside it, judged by systemd's own tools."""

from __future__ import annotations

import configparser
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from camera.sources.demo import demo_digits, picture
from edge_server.settings import Settings, parser

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "edge-server.service"
# Tenths; systemd says "OK" below 45, and what is left is network, cameras, /proc/cpuinfo, and that
# a trial of a new model may lower its own priority.
MOST_EXPOSURE = 16

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def verify(unit_text: str, root: Path) -> str:
    """What `systemd-analyze verify` says about the unit in a root where its program exists.

    "" is clean: the exit status alone does not tell, it is 0 on unknown keys.
    """
    program = re.search(r"^ExecStart=(/\S+)", unit_text, re.M)
    assert program
    executable = root / program[1].lstrip("/")
    executable.parent.mkdir(parents=True)
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    unit = root / "etc/systemd/system" / UNIT.name
    unit.parent.mkdir(parents=True)
    unit.write_text(unit_text)
    result = analyze("verify", "--man=no", f"--root={root}", UNIT.name)
    return result.stderr + (f"exit status {result.returncode}" if result.returncode else "")


def test_unit_is_clean(tmp_path: Path) -> None:
    assert verify(UNIT.read_text(), tmp_path) == ""


def test_an_unknown_key_would_be_noticed(tmp_path: Path) -> None:
    assert "Unknown key" in verify(UNIT.read_text().replace("KeyringMode", "Keyring"), tmp_path)


def test_unit_exposes_little() -> None:
    result = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(UNIT))
    assert result.returncode == 0, result.stdout + result.stderr


def system_calls(group: str) -> set[str]:
    """The calls of one of systemd's groups and of the groups in it."""
    listed = analyze("syscall-filter", group).stdout.split("\n")[1:]
    names = {line.strip() for line in listed if line.strip() and not line.strip().startswith("#")}
    inner = {name for name in names if name.startswith("@")}
    return (names - inner).union(*map(system_calls, inner))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_group_of_system_calls_is_allowed_that_nobody_makes(tmp_path: Path) -> None:
    """The server with its camera, a prediction and a snapshot, as strace sees it."""
    (tmp_path / "photos").mkdir()
    tiles, labels = demo_digits()
    Image.fromarray(picture(tiles, labels.index("7"))).save(tmp_path / "photos/7.png")
    python = os.environ.get("EDGE_DEVICE_PYTHON", sys.executable)
    command = ["strace", "--follow-forks", "--summary-only", "--summary-columns=name"]
    command += [f"--output={tmp_path / 'calls'}", python, "scripts/check-server"]
    command += [str(tmp_path / "photos"), "7", "--", python, "-m", "edge_server", "--port", "0"]
    subprocess.run(command, cwd=SYSTEMD.parent, check=True, capture_output=True, timeout=120)
    made = set((tmp_path / "calls").read_text().split())
    assert {"openat", "accept4"} <= made

    lines = re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(), re.M)
    assert [line for line in lines if "@" in line] == lines[:2]
    allowed, denied = lines[0].split(), lines[1].removeprefix("~").split()
    listed = analyze("syscall-filter", *allowed).stdout.split()
    groups = {name for name in listed if name.startswith("@")} - {*allowed, *denied}
    # A model's store writes files through; cameras' libraries keep time by the kernel's timers.
    unseen = {group for group in groups if not made & system_calls(group)} - {"@sync", "@timer"}
    assert unseen == set()
    # os.nice() of edge_server.repository.trial, and nothing else that was denied before.
    assert lines[2:] == ["setpriority"]


def test_user_is_made_and_may_open_cameras(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    shutil.copy(SYSTEMD / "edge-server.sysusers", tmp_path / "edge-server.conf")
    subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(tmp_path / "edge-server.conf")],
        check=True,
        timeout=30,
        capture_output=True,
    )
    users = (tmp_path / "etc/passwd").read_text()
    assert re.search(
        r"^edge-server:x:\d+:\d+:[^:]+:/var/lib/edge-server:/usr/sbin/nologin$", users, re.M
    )
    assert re.search(r"^video:x:\d+:edge-server$", (tmp_path / "etc/group").read_text(), re.M)


def test_settings_file_names_only_settings_of_the_server() -> None:
    text = (SYSTEMD / "edge-server.env").read_text()
    named = re.findall(r"^#?(EDGE_[A-Z_]+)=", text, re.M)
    known = {f"EDGE_{setting.name.upper()}" for setting in dataclasses.fields(Settings)}
    assert {"EDGE_MODEL", "EDGE_HOST", "EDGE_PORT", "EDGE_CAMERA"} <= set(named) <= known
    assert f"#EDGE_HOST={Settings.host}\n#EDGE_PORT={Settings.port}\n" in text


def test_the_unit_reads_a_toml_file_only_if_it_exists() -> None:
    text = UNIT.read_text()
    (named,) = re.findall(r"^Environment=EDGE_CONFIG=(\S+)$", text, re.M)
    assert named == "-/etc/edge-server/edge-server.toml"
    assert named[1:] in parser().format_help().replace("\n", "").replace(" ", "")


def test_a_desktop_starts_the_kiosk_of_the_server_that_is_installed() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(SYSTEMD / "edge-kiosk.desktop")
    assert entry["Desktop Entry"]["Type"] == "Application"
    served = re.search(r"^ExecStart=(\S+)$", UNIT.read_text(), re.M)
    assert served
    assert entry["Desktop Entry"]["Exec"] == f"{served[1]} kiosk"
