"""scripts/demo from end to end: environment, training, conversion, validation, serving."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def demo(root: Path) -> subprocess.CompletedProcess[str]:
    command = ["scripts/demo", "--check", "--port", str(free_port())]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=900, check=False
    )


@pytest.fixture(scope="module")
def first_run(root: Path) -> subprocess.CompletedProcess[str]:
    (root / ".demo" / ".stamp").unlink(missing_ok=True)
    return demo(root)


def test_the_demo_trains_converts_validates_serves_and_stops(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    assert first_run.returncode == 0, first_run.stderr
    assert "stopped cleanly: all good" in first_run.stdout
    assert "train a small CNN on 1257 real digits" in first_run.stderr


def test_its_int8_model_is_right_on_97_percent_of_held_out_digits(
    first_run: subprocess.CompletedProcess[str], root: Path
) -> None:
    report = json.loads((root / ".demo" / "model" / "report.json").read_text())
    assert report["verdict"] == "passed"
    assert report["samples"] == 540
    assert report["candidate"]["top1"] >= 0.97


def test_a_second_run_trains_nothing(
    first_run: subprocess.CompletedProcess[str], root: Path
) -> None:
    again = demo(root)
    assert again.returncode == 0, again.stderr
    assert "made before; validation passed" in again.stdout
    assert "train" not in again.stderr
