"""The examples of docs/protocols.md for clients of others, as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("kserve", reason="runs in the environment `scripts/environment clients`")


def examples(language: str) -> list[str]:
    section = (ROOT / "docs" / "protocols.md").read_text()
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def run(address, digits, tmp_path):
    """Runs an example beside a photo, against our server; gives what it prints."""
    (tmp_path / "photo.jpg").write_bytes(digits.jpegs[0])

    def start(*command: str, example: str) -> str:
        script = example.replace("localhost:8080", address)
        assert script != example
        return subprocess.run(
            [*command, script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
        ).stdout

    return start


def numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in re.findall(r"\d+\.?\d*(?:e-?\d+)?", text)])


def test_tensorflow_serving(run, digits):
    (example,) = (text for text in examples("python") if "import requests" in text)
    found = numbers(run(sys.executable, "-c", example=example))
    np.testing.assert_allclose(found, digits.image_values[0], atol=1e-6)


def test_triton(run, digits):
    (example,) = (text for text in examples("python") if "tritonclient" in text)
    said = run(sys.executable, "-c", example=example)
    label = digits.labels[0]
    assert re.search(rf"\[\[b'\d\.\d+:{label}:{label}' b'", said)


def test_kserve(run, digits):
    (example,) = (text for text in examples("python") if "kserve" in text)
    assert len(numbers(run(sys.executable, "-c", example=example))) == 10


def test_curl(run):
    (example,) = examples("sh")
    said = run("bash", "-ec", example=example)
    for part in ('"signature_def"', '"max_batch_size"', '"state":"READY"'):
        assert part in said.replace('": ', '":')
