"""A real external delegate, compiled from delegate.c, that does as it is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("delegate.c")
COMPILER = "gcc"
REQUIRED = os.environ.get("EDGE_TEST_REQUIRE", "").split(",")


def compiled(folder: Path) -> Path:
    """The shared library; skips where there is no compiler, fails where one is required."""
    if shutil.which(COMPILER) is None:
        give_up = pytest.fail if COMPILER in REQUIRED else pytest.skip
        give_up("needs gcc: apt-get install gcc libc6-dev")
    library = folder / "libdelegate.so"
    subprocess.run(
        [COMPILER, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, SOURCE], check=True
    )
    return library
