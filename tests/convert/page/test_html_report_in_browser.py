"""report.html in Chromium: it fits every screen, and its own policy stops nothing that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chromium import chromium
from convert.page import html_report
from convert.page.html_report import Visuals
from convert.photos import Photo
from edge_server.inference.preprocessing import from_preset


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every part, and names that want to burst it."""
    folder = tmp_path_factory.mktemp("report")
    photo = folder / "photo.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)).save(photo)
    original = np.random.default_rng(1).dirichlet(np.ones(7), 40).astype(np.float32)
    row = {"recipe": "int8", "size_bytes": 1, "interval": [0.1, 0.9], "top1": 0.5, "top5": 0.9}
    candidates = [
        row
        | {"name": "W" * (50 if n else 4), "invoke_ms_median": 1.0 + n, "agreement": 0.5 + n / 9}
        | {"verdict": "failed", "reasons": ["x" * 200], "chosen": n == 0, "float_layers": n}
        for n in range(3)
    ]
    split = {"fitted": 60, "held_back": 40, "agreement_before": 0.7, "agreement_after": 0.8}
    document = {
        "verdict": "failed",
        "reasons": ["it " + "W" * 200],
        "why": "because " + "V" * 200,
        "recipe": "int8",
        "file": "model.rejected.tflite",
        "size_bytes": 776_204,
        "sha256": "0123456789abcdef" * 4,
        "samples": 40,
        "original": {"top1": 0.5, "top5": 0.9},
        "candidate": {"top1": 0.4, "top5": 0.9, "runtime": "R 1", "invoke_ms_median": 1.0},
        "agreement": {"top1": 0.5, "interval": [0.4, 0.6]},
        "thresholds": {"min_agreement": 0.95, "max_drop": 1.0},
        "golden_samples": 4,
        "validation": {"photos": "p" * 200, "used": 40, "unreadable": {"u" * 200: "w" * 200}},
        "calibration": None,
        "output": "logits",
        "source": {"path": "m" * 200, "format": "f", "signature": "s", "fingerprint": "f" * 71},
        "operators": [{"name": "O" * 99, "version": 1}],
        "tools": {},
        "candidates": candidates,
        "better_int8": [
            {"step": "weight rounding", "kept": True, "why": "it " + "w" * 200}
            | {"splits": [split | {"divergence_before": 0.3, "divergence_after": 0.2}]}
        ],
        "layers": [
            {"name": "l" * 200, "operator": "DEPTHWISE_CONV_2D", "error": 0.1, "saturated": 0.1}
            | {"kept_in_float": True}
        ]
        * 20,
        "checks": [{"name": "c" * 60, "status": "warned", "sentence": "s" * 200}],
        "preprocessing_trials": {
            "given": "--preprocessing tf",
            "rows": [{"options": "--o " * 20, "top1": 0.5, "interval": [0.3, 0.7], "photos": 60}],
            "warning": "y" * 200,
        },
        "cost": {
            "seconds": 1.0,
            "steps": [{"step": "t" * 200, "seconds": 1.0}],
            "peak_memory_mb": 1.0,
        },
        "target": {"name": "n", "runtime": "r" * 99, "adaptations": ["a" * 200], "batch": False},
    }
    photos = tuple(Photo(photo, n % 7) for n in range(40))
    spec = from_preset("torch", width=96, height=96)
    labels = tuple(chr(65 + n) * 200 for n in range(7))
    page = folder / "report.html"
    visuals = Visuals(labels, photos, original, np.ascontiguousarray(original[:, ::-1]), spec)
    page.write_bytes(html_report.render(document, visuals))
    return page


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1440])
def test_it_fits_the_screen_and_is_complete(browser: Any, report: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:")) or complaints.append(r.url),
    )
    page.goto(report.as_uri())
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    pictures = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert pictures
    assert all(pictures)
    # The policy lets the styles through: the verdict is larger than the text.
    assert page.eval_on_selector("#verdict", "e => parseFloat(getComputedStyle(e).fontSize)") > 24
    assert complaints == []
    context.close()
