"""A server for the clients of others, which run in an environment of their own.

`scripts/environment clients` makes it; the server runs in the one that EDGE_DEVICE_PYTHON names.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DEVICE_PYTHON = os.environ.get("EDGE_DEVICE_PYTHON") or next(
    filter(os.path.exists, [ROOT / ".venv" / "edge" / "bin" / "python"]), sys.executable
)
TOKEN = "0123456789abcdef0123456789abcdef"
START_SECONDS = 60.0
COUNT = 6

# Digits as our own code gives them to the model, and what it answers: what clients have to get.
EXPECTED = """
import sys
from pathlib import Path
import cv2, numpy as np
from camera.sources.demo import demo_digits, picture
from edge_server.inference import bundle, preprocessing
from edge_server.inference.classifier import Classifier

classifier = Classifier(bundle.read(Path("edge_server/models/digits.tflite")))
tiles, labels = demo_digits()
count = int(sys.argv[1])
pictures = [picture(tiles, number) for number in range(count)]
spec = classifier.tensors.original
resized = [preprocessing.resize(pixels, spec) for pixels in pictures]
normalized = np.concatenate([preprocessing.normalize(pixels, spec) for pixels in resized])
jpegs = [cv2.imencode(".jpg", pixels[..., ::-1])[1].tobytes() for pixels in pictures]
np.savez(
    sys.argv[2],
    normalized=normalized,
    values=classifier.infer(normalized),
    labels=np.array(labels[:count]),
    jpegs=np.array([jpeg.hex() for jpeg in jpegs]),
    image_values=classifier.infer_images(jpegs),
)
"""


@dataclass(frozen=True)
class Digits:
    """Held-out digits, and what the bundled model puts out for them.

    `normalized` is float32 (n, 32, 32, 1), 0..1; `values` and `image_values`, for the JPEGs, are
    float32 (n, 10).
    """

    normalized: np.ndarray
    values: np.ndarray
    labels: list[str]
    jpegs: list[bytes]
    image_values: np.ndarray


def run(script: str, *arguments: str) -> None:
    subprocess.run([DEVICE_PYTHON, "-c", script, *arguments], cwd=ROOT, env=clean(), check=True)


def clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("EDGE_", "PYTHON"))}


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    run(EXPECTED, str(COUNT), str(file))
    found = np.load(file)
    return Digits(
        found["normalized"],
        found["values"],
        [str(label) for label in found["labels"]],
        [bytes.fromhex(text) for text in found["jpegs"]],
        found["image_values"],
    )


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts `python -m edge_server` with these arguments; gives its address, host:port."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: str | Path) -> str:
            log = tmp_path_factory.mktemp("server") / "log"
            command = [DEVICE_PYTHON, "-m", "edge_server", "--port", "0", *map(str, arguments)]
            with log.open("wb") as said:
                process = subprocess.Popen(command, cwd=ROOT, env=clean(), stderr=said)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            end = time.monotonic() + START_SECONDS
            while not (found := re.search(r"url=http://(\S+)/", log.read_text())):
                assert process.poll() is None and time.monotonic() < end, log.read_text()
                time.sleep(0.05)
            return found[1]

        yield start


@pytest.fixture(scope="session")
def address(serve: Callable[..., str]) -> str:
    """The bundled digits, for everybody."""
    return serve("--camera", "none")


@pytest.fixture(scope="session")
def guarded(serve: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same behind TOKEN."""
    file = tmp_path_factory.mktemp("tokens") / "tokens"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    return serve("--camera", "none", "--token-file", file)


@pytest.fixture(scope="session")
def token() -> dict[str, str]:
    """The header that opens `guarded`."""
    return {"Authorization": f"Bearer {TOKEN}"}
