"""A document with all that report.html can show, photos for it, and a reader of the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from convert.metrics import wilson_interval
from convert.page.html_report import Visuals
from convert.photos import Photo
from edge_server.inference.preprocessing import from_preset

_VOID = frozenset(("meta", "link", "img", "br", "hr", "input", "wbr", "source", "area", "base"))
_INLINE = frozenset(("a", "b", "bdi", "code", "span", "tspan"))
_LABELS = ("cat", "dog", "bird")


# --- A page, read ---------------------------------------------------------------------------


@dataclass
class Page(HTMLParser):
    """What a browser would make of it. Fails where an element is not closed in its turn."""

    text: str = ""
    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += "" if tag in _INLINE else " "
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        self.text += "" if tag in _INLINE else " "
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] != "style":
            self.text += data

    def close(self) -> None:
        super().close()
        assert not self._open, f"not closed: {self._open}"
        self.text = re.sub(r"\s+", " ", self.text)

    def of(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


def _read(page: bytes) -> Page:
    read = Page()
    read.feed(page.decode())
    read.close()
    return read


@pytest.fixture(scope="session")
def read_page() -> Callable[[bytes], Page]:
    return _read


@pytest.fixture(scope="session")
def answers() -> Callable[..., Any]:
    return _scores


# --- Documents and photos -------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Six photos: three wide, three tall."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    files = []
    for number in range(6):
        size = (90, 160) if number % 2 else (160, 90)
        pixels = random.integers(0, 255, (*size, 3), np.uint8)
        files.append(folder / f"photo{number}.jpg")
        Image.fromarray(pixels).save(files[-1])
    return tuple(files)


def _scores(answers: Sequence[int], confidence: float, classes: int = 3) -> Any:
    """Rows that answer `answers` with that score."""
    scores = np.full((len(answers), classes), (1 - confidence) / max(1, classes - 1), np.float32)
    scores[np.arange(len(answers)), answers] = confidence
    return scores


@pytest.fixture
def visuals(pictures: tuple[Path, ...]) -> Visuals:
    """Six photos of three classes: the candidate loses photo1 and gains photo4."""
    truth = (0, 1, 2, 0, 1, 2)
    return Visuals(
        labels=_LABELS,
        photos=tuple(Photo(path, label) for path, label in zip(pictures, truth, strict=True)),
        original=_scores((0, 1, 2, 0, 0, 2), 0.9),
        candidate=_scores((0, 0, 2, 0, 1, 2), 0.8),
        spec=from_preset("tf", width=32, height=32),
    )


@pytest.fixture
def document() -> dict[str, Any]:
    """What today's build writes, with the figures of `visuals`."""
    return {
        "verdict": "passed",
        "reasons": [],
        "recipe": "int8",
        "file": "model.tflite",
        "size_bytes": 776_204,
        "sha256": "25282ecde8a8e3c6" * 4,
        "samples": 6,
        "original": {"top1": 5 / 6, "top5": 1.0},
        "candidate": {
            "top1": 5 / 6,
            "top5": 1.0,
            "runtime": "ai-edge-litert 2.3.0",
            "invoke_ms_median": 0.594,
        },
        "agreement": {"top1": 4 / 6, "interval": list(wilson_interval(4 / 6, 6))},
        "thresholds": {"min_agreement": 0.6, "max_drop": 1.0},
        "golden_samples": 4,
        "validation": {"photos": "photos/validation", "used": 6, "unreadable": {}},
        "calibration": {"photos": "photos/calibration", "used": 100, "unreadable": {}},
        "preprocessing": {"mean": [127.5], "std": [127.5]},
        "output": "probabilities",
        "source": {
            "path": "models/pets",
            "format": "saved_model",
            "signature": "serving_default",
            "fingerprint": "sha256:169d4710",
        },
        "operators": [{"name": "CONV_2D", "version": 3}, {"name": "SOFTMAX", "version": 2}],
        "tools": {"edge-classifier": "0.1.0", "tensorflow": "2.21.0"},
        "seconds": 5.1,
    }


@pytest.fixture
def full(document: dict[str, Any]) -> dict[str, Any]:
    """The document with every part that a build can add."""
    row = {"recipe": "int8", "top1": 5 / 6, "top5": 1.0, "reasons": [], "chosen": False}
    split = {"fitted": 60, "held_back": 40}
    return document | {
        "why": "int8 is the fastest inside the budget of --max-drop",
        "candidates": [
            row
            | {"name": "int8", "size_bytes": 776_204, "invoke_ms_median": 0.594, "chosen": True}
            | {"agreement": 4 / 6, "interval": [0.3, 0.9], "verdict": "passed", "float_layers": 0},
            row
            | {"name": "int8, mixed", "size_bytes": 968_000, "invoke_ms_median": 0.81}
            | {"agreement": 0.55, "interval": [0.2, 0.8], "verdict": "failed", "float_layers": 3}
            | {"reasons": ["it agrees on 55.0% of the photos"]},
        ],
        "curve": [
            {"name": f"{n} in float", "agreement": 0.5 + n / 10, "float_layers": n}
            | {"invoke_ms_median": 0.6 + n / 10}
            for n in range(4)
        ],
        "better_int8": [
            {"step": "weight rounding", "kept": True, "why": "closer on every split"}
            | {
                "splits": [
                    split
                    | {"agreement_before": 0.7, "agreement_after": 0.852}
                    | {"divergence_before": 0.311, "divergence_after": 0.157}
                ]
            },
            {"step": "bias correction", "kept": False, "why": "no closer", "splits": []},
            {"step": "channel splitting", "kept": False, "splits": []}
            | {"why": "every channel that convolutions hand on is in use"},
        ],
        "layers": [
            {"name": f"net/conv{n}", "operator": "CONV_2D", "error": 0.05 * n, "saturated": 0.0012}
            | {"kept_in_float": n == 15}
            for n in range(16)
        ],
        "checks": [
            {"name": "overlap", "status": "passed", "sentence": "no photo is in both sets"},
            {"name": "validation-size", "status": "warned", "sentence": "6 photos are too few"},
        ],
        "preprocessing_trials": {
            "given": "--preprocessing tf",
            "rows": [
                {"options": "--preprocessing tf", "top1": 0.5, "interval": [0.3, 0.7]}
                | {"photos": 60},
                {"options": "--preprocessing unit", "top1": 0.71, "interval": [0.6, 0.8]}
                | {"photos": 60},
            ],
            "warning": "--preprocessing unit does much better",
        },
        "cost": {
            "seconds": 41.2,
            "steps": [{"step": "convert to int8", "seconds": 8.3}],
            "peak_memory_mb": 1430.4,
        },
        "target": {"name": "tflite-2.14", "runtime": "tflite-runtime 2.14.0"}
        | {"adaptations": ["dense layers per tensor"], "batch": True},
    }
