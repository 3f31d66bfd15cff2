"""scripts/demo makes its model anew when a file has changed that it or its report is made from."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = ("convert", "edge_server", "camera")


def stamp(checkout: Path) -> str:
    done = subprocess.run(
        ["scripts/demo", "--stamp"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as an archive brings it: without git."""
    target = tmp_path_factory.mktemp("checkout")
    (target / "scripts").mkdir()
    shutil.copy(root / "scripts/demo", target / "scripts")
    for file in root.glob("requirements-*.txt"):
        shutil.copy(file, target)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / package, target / package, ignore=ignored)
    return target


def test_one_file_of_every_folder_makes_another_stamp(copy: Path) -> None:
    seen = {stamp(copy)}
    folders = [folder for name in PACKAGES for folder in (copy / name, *(copy / name).rglob("*/"))]
    changed = [
        min(file for file in folder.iterdir() if file.is_file())
        for folder in folders
        if any(file.is_file() for file in folder.iterdir())
    ]
    assert any(len(file.relative_to(copy).parts) > 2 for file in changed)
    for number, file in enumerate([*changed, *sorted(copy.glob("requirements-*.txt"))], 2):
        file.write_bytes(file.read_bytes() + b"\n")
        seen.add(stamp(copy))
        assert len(seen) == number, file


def test_a_file_that_is_new_renamed_or_gone_makes_another_stamp(copy: Path) -> None:
    stamps = [stamp(copy)]
    file = copy / "convert/device/new.py"
    file.write_text("")
    stamps.append(stamp(copy))
    file = file.rename(file.with_name("other.py"))
    stamps.append(stamp(copy))
    assert len(set(stamps)) == 3
    file.unlink()
    assert stamp(copy) == stamps[0]


def test_what_running_leaves_behind_changes_nothing(copy: Path) -> None:
    before = stamp(copy)
    compiled = copy / "convert/__pycache__/build.cpython-311.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"compiled")
    (copy / "convert/build.py").touch()
    assert stamp(copy) == before
