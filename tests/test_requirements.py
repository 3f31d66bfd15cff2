"""requirements-edge.txt can be installed on every device that it names, without a compiler."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PYTHONS = ("3.10", "3.11", "3.12", "3.13")
# glibc 2.34: Ubuntu 22.04 (JetPack 6) has 2.35, Debian 12 (Raspberry Pi OS bookworm) 2.36.
PLATFORMS = ("x86_64-manylinux_2_34", "aarch64-manylinux_2_34")

MQTT = "edge_server/mqtt/requirements.txt"


def lines(path: Path) -> list[str]:
    return [
        line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")
    ]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_wheels_exist_for_every_64_bit_device(root: Path, python: str, platform: str) -> None:
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header"),
        *("--only-binary", ":all:", "--python-version", python, "--python-platform", platform),
        str(root / "requirements-edge.txt"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ai-edge-litert==2\.", done.stdout, re.MULTILINE)
    assert "tflite-runtime" not in done.stdout
    assert "tensorflow" not in done.stdout


def test_a_32_bit_raspberry_pi_gets_tflite_runtime_and_numpy_1(root: Path) -> None:
    from packaging.requirements import Requirement

    # Debian 12 for armv7l: the markers as pip judges them there.
    device = {"platform_machine": "armv7l", "python_version": "3.11", "sys_platform": "linux"}
    chosen = {
        requirement.name: requirement
        for requirement in map(Requirement, lines(root / "requirements-edge.txt"))
        if requirement.marker is None or requirement.marker.evaluate(device)
    }
    assert "ai-edge-litert" not in chosen
    assert chosen["tflite-runtime"].specifier.contains("2.14.0")
    assert chosen["numpy"].specifier.contains("1.26.4")
    assert not chosen["numpy"].specifier.contains("2.0.0")
    assert not chosen["opencv-python-headless"].specifier.contains("4.12.0.88")


def test_a_wheel_of_tflite_runtime_exists_for_armv7l(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path)),
        *("--platform", "manylinux_2_34_armv7l", "--python-version", "3.11"),
        *("--only-binary", ":all:", "tflite-runtime==2.14.0"),
    ]
    subprocess.run(command, check=True, timeout=120)
    assert next(tmp_path.iterdir()).name.endswith("armv7l.whl")


def test_what_every_device_gets_needs_no_compiler_on_armv7l(root: Path, tmp_path: Path) -> None:
    everywhere = [line for line in lines(root / "requirements-edge.txt") if ";" not in line]
    assert any(line.startswith("prometheus-client") for line in everywhere)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
        # pip takes the platforms literally: what runs on glibc 2.34 is called after older ones.
        *(f"--platform=manylinux_2_{glibc}_armv7l" for glibc in (34, 31, 17)),
        *(
            "--target",
            str(tmp_path),
            "--python-version",
            "3.11",
            "--only-binary",
            ":all:",
            *everywhere,
        ),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["requirements-edge.txt", MQTT, "requirements-dev.txt"])
def test_every_requirement_has_an_upper_bound(root: Path, name: str) -> None:
    from packaging.requirements import Requirement

    for requirement in map(Requirement, lines(root / name)):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators & {"<", "=="}, str(requirement)


def test_dependencies_are_written_once(root: Path) -> None:
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11")
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert "dependencies" in project["project"]["dynamic"]
    dynamic = project["tool"]["setuptools"]["dynamic"]
    assert dynamic["dependencies"] == {"file": ["requirements-edge.txt"]}
    assert dynamic["optional-dependencies"]["mqtt"] == {"file": [MQTT]}
