"""What every test may use: the real models and photos, where they are beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("EDGE_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real SavedModels, .tflite files and photos; they are not part of the repository."""
    if not (SHARED / "saved_models").is_dir():
        pytest.skip(f"needs the real models and photos in {SHARED} (or EDGE_TEST_DATA)")
    return SHARED


@pytest.fixture(scope="session")
def bundled_model() -> Path:
    """The digit classifier that comes with the product."""
    return ROOT / "edge_server" / "models" / "digits.tflite"
