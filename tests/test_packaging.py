"""The wheel that a device installs: complete, with its console scripts and its dependencies."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    # A copy, so that building leaves nothing in the checkout.
    source = target / "source"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(root), str(source)], check=True
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(target)]
    subprocess.run([*command, str(source)], check=True, timeout=300)
    return zipfile.ZipFile(next(target.glob("*.whl")))


def test_it_holds_everything_that_serving_reads(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {
        "edge_server/models/digits.tflite",
        "edge_server/templates/kiosk.html",
        "edge_server/static/kiosk.js",
        "camera/sources/demo_digits.png",
        "camera/sources/demo_digits.txt",
        "edge_server/py.typed",
    } <= names


def test_every_python_file_of_the_packages_is_in_it(wheel: zipfile.ZipFile, root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "camera", "edge_server", "convert"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {name for name in listed if not name.endswith(".gitkeep")} <= set(wheel.namelist())


def test_it_brings_the_three_console_scripts(wheel: zipfile.ZipFile) -> None:
    name = next(n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    scripts = wheel.read(name).decode()
    for script in ("edge-convert", "edge-server", "edge-camera"):
        assert f"{script} = " in scripts


def test_it_requires_what_requirements_edge_says(wheel: zipfile.ZipFile) -> None:
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    metadata = wheel.read(name).decode()
    assert 'Requires-Dist: ai-edge-litert<2.4,>=2.3; platform_machine != "armv7l"' in metadata
    assert 'Requires-Dist: tflite-runtime==2.14.0; platform_machine == "armv7l"' in metadata
