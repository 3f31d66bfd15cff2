"""`python -m convert` as a process of its own, and what a command came to.

TensorFlow runs in the process of the tests, so a .tflite is only ever run in a child.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH, _PR_CAPBSET_DROP = 1, 2, 24


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    status: int
    said: str

    def sentence(self) -> str:
        """The last line it said, and proof that it is no traceback."""
        assert "Traceback" not in self.said
        return self.said.strip().splitlines()[-1]


def _obey_modes() -> None:
    """Lets root obey file modes like everybody (in the child, before it becomes Python)."""
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def command(*args: str | Path, obey_modes: bool = False, **options: Any) -> Ran:
    """`python -m convert` as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "convert", *map(str, args)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=_obey_modes if obey_modes and os.getuid() == 0 else None,
        **options,
    )
    return Ran(done.returncode, done.stdout)


def without_tensorflow(script: str, *args: str | Path) -> Any:
    """The JSON that a script prints in a process that never imports TensorFlow."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def fake_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Puts another ai_edge_litert before the real one, for children only."""
    package = tmp_path / "fake" / "ai_edge_litert"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()

    def install(interpreter: str) -> None:
        (package / "interpreter.py").write_text(interpreter)
        monkeypatch.setenv("PYTHONPATH", str(package.parent))

    yield install
