"""python -m convert validate, with its result apart from its progress."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from convert import cli
from convert.commands import validate


@dataclass(frozen=True)
class Said:
    """What a command came to, with its result apart from its progress."""

    status: int
    out: str
    err: str

    def sentence(self) -> str:
        assert "Traceback" not in self.err
        return self.err.strip().splitlines()[-1]

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Said]:
    monkeypatch.setattr(cli, "_COMMANDS", (validate,))

    def run(*args: str | Path) -> Said:
        capfd.readouterr()
        status = cli.main(["validate", *map(str, args)])
        return Said(status, *capfd.readouterr())

    return run
