"""The unit and what lies beside it, judged by systemd's own tools."""

from __future__ import annotations

import configparser
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge_server.settings import Settings, parser

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "edge-server.service"
# Tenths; systemd says "OK" below 45, and what is left is network, cameras, /proc/cpuinfo, and that
# a thread may say on which processor another goes on.
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
