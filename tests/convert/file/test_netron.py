"""Netron shows what a file of ours says about itself: its real page, in a real browser.

It runs in its own environment (`scripts/environment netron`), which EDGE_NETRON_PYTHON names.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builds import Finished
from chromium import chromium
from tools import missing

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(os.environ.get("EDGE_NETRON_PYTHON", ROOT / ".venv" / "netron" / "bin" / "python"))

SERVE = """
import sys
import netron
host, port = netron.serve(sys.argv[1], None, ("127.0.0.1", 0))
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
"""
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@contextlib.contextmanager
def netron(browser: Any, model: Path) -> Iterator[Any]:
    """Its page with the file open. It may ask no host but its own, though it tries to."""
    if not PYTHON.exists():
        missing("netron", "needs Netron: run scripts/environment netron")
    command = [PYTHON, "-c", SERVE, model]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(TIMEOUT_MS)
        # It asks about cookies first, and where in the world it is, unless it has.
        context.add_cookies([{"name": "consent", "value": "1", "url": address}])
        context.route(lambda url: not url.startswith(address), lambda route: route.abort())
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#canvas .node", state="attached")
        yield page
        context.close()
        server.stdin.close()
        assert server.wait(20) == 0


def shown(page: Any, button: str) -> str:
    """The side bar's text after a button was pressed, all of it opened."""
    page.click(f"#{button}")
    page.wait_for_selector("#sidebar .sidebar-item-value")
    for expander in page.locator("#sidebar .sidebar-item-value-expander").all():
        if expander.inner_text() == "+":
            expander.click()
    return str(page.inner_text("#sidebar"))


def test_an_int8_file_shows_name_preprocessing_and_labels(
    browser: Any, colours_build: Finished
) -> None:
    with netron(browser, colours_build.model) as page:
        model = shown(page, "sidebar-model-button")
        inputs, outputs = shown(page, "sidebar-target-button").split("OUTPUTS")
    assert colours_build.report["name"] in model.splitlines()
    assert "Image classifier, 4 classes, int8" in model
    assert "tensor: uint8[1,24,24,3]" in inputs
    assert "denotation: Image(RGB)" in inputs
    assert "the largest centred part of that shape" in inputs
    assert "Each value is the pixel as it is, 0..255, quantized to uint8." in inputs
    assert "tensor: uint8[1,4]" in outputs
    assert "The probability of each class" in outputs
    assert "labels.txt: red, green, blue, yellow" in outputs


def test_a_float_file_shows_its_normalization(browser: Any, float_build: Finished) -> None:
    with netron(browser, float_build.model) as page:
        inputs, outputs = shown(page, "sidebar-target-button").split("OUTPUTS")
    assert "tensor: float32[1,24,24,3]" in inputs
    assert "Each value is (pixel - 127.5) / 127.5 with pixels 0..255." in inputs
    assert "The logit of each class" in outputs
