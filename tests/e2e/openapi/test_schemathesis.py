"""Schemathesis, which asks a running server by its own description, finds nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUNDLED = HERE.parents[2] / "edge_server" / "models" / "digits.tflite"
TOKEN = "the-token-of-schemathesis"


def test_it_finds_nothing(digits_server: Any, tmp_path: Path) -> None:
    assert_nothing_is_found(digits_server.url, tmp_path)


def test_it_finds_nothing_where_it_may_load_and_unload(run_server: Any, tmp_path: Path) -> None:
    model = tmp_path / "models" / "digits" / "1" / "model.tflite"
    model.parent.mkdir(parents=True)
    shutil.copy(BUNDLED, model)
    tokens = tmp_path / "tokens"
    tokens.write_text(TOKEN)
    tokens.chmod(0o600)
    labelled = ("--version-label", "digits:stable=1")
    with run_server(
        ["--models", tmp_path / "models", *labelled, "--token-file", tokens, "--camera", "demo"]
    ) as server:
        assert_nothing_is_found(server.url, tmp_path, "-H", f"Authorization: Bearer {TOKEN}")


def assert_nothing_is_found(url: str, folder: Path, *arguments: str) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
        *("--config-file", str(HERE / "schemathesis.toml"), "run", *arguments),
        f"{url}/openapi.json",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout
