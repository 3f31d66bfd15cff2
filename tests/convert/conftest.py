"""Tiny real SavedModels whose answers are known, photos for them, and builds of them.

The models name the colour of a picture: red, green, blue or yellow. TensorFlow runs in this
process, so a .tflite is only ever run in a child.
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

import numpy as np
import pytest
from PIL import Image

from convert import cli
from convert.commands import build as build_command
from convert.console import Console

ROOT = Path(__file__).resolve().parents[2]
SIDE = 24
COLOURS = {
    "red": (225, 30, 35),
    "green": (30, 220, 40),
    "blue": (35, 30, 225),
    "yellow": (225, 220, 30),
}
CLASSES = tuple(COLOURS)
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


# --- Models -----------------------------------------------------------------------------------


def _colour_logits(image: Any) -> Any:
    """float32 (n, h, w, 3) in -1..1 -> logits (n, 4), far apart for pictures of one colour."""
    import tensorflow as tf

    prototypes = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    blurred = tf.nn.conv2d(image, np.eye(3, dtype=np.float32)[None, None], 1, "SAME")
    return tf.linalg.matmul(tf.reduce_mean(blurred, [1, 2]), 3 * prototypes.T)


def _save_functions(folder: Path, **functions: tuple[Callable[..., Any], dict[str, Any]]) -> Path:
    """Write a SavedModel: each name becomes a signature, with its inputs' shapes."""
    import tensorflow as tf

    module = tf.Module()
    signatures = {}
    for name, (function, shapes) in functions.items():
        specs = [tf.TensorSpec(s, tf.float32, name=key) for key, s in shapes.items()]
        signatures[name] = tf.function(function, input_signature=specs).get_concrete_function()
        setattr(module, name, signatures[name])
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of SavedModels, one for each case that a conversion meets."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")
    image = {"image": [None, SIDE, SIDE, 3]}

    def colours(image: Any) -> Any:
        return {"scores": tf.nn.softmax(_colour_logits(image))}

    def logits(image: Any) -> Any:
        return {"logits": _colour_logits(image)}

    def sigmoid(image: Any) -> Any:
        return {"scores": tf.sigmoid(_colour_logits(image))}

    def brightness(image: Any) -> Any:
        """Gray: dark, middle, bright."""
        x = tf.reduce_mean(image, [1, 2, 3])
        return {"scores": tf.nn.softmax(tf.stack([-16 * x - 4, 0 * x, 16 * x - 4], axis=1))}

    def crude(image: Any) -> Any:
        """Right in float; in 8 bits its outputs, 0..1000, leave no room for what matters."""
        small = _colour_logits(image) / 9
        return {"logits": tf.concat([small, 0 * small[:, :1] - 1000], axis=1)}

    def two(first: Any, second: Any) -> Any:
        return {"scores": tf.nn.softmax(_colour_logits(first) + _colour_logits(second))}

    def words(text: Any) -> Any:
        return {"scores": tf.nn.softmax(text)}

    def infinite(image: Any) -> Any:
        return {"scores": tf.math.log(0 * _colour_logits(image))}

    _save_functions(folder / "colours", serving_default=(colours, image))
    _save_functions(folder / "logits", serving_default=(logits, image))
    _save_functions(folder / "sigmoid", serving_default=(sigmoid, image))
    _save_functions(folder / "several", classify=(colours, image), raw=(logits, image))
    _save_functions(folder / "crude", serving_default=(crude, image))
    _save_functions(folder / "infinite", serving_default=(infinite, image))
    _save_functions(folder / "free", serving_default=(colours, {"image": [None, None, None, 3]}))
    _save_functions(folder / "batch_of_1", serving_default=(colours, {"image": [1, SIDE, SIDE, 3]}))
    _save_functions(folder / "batch_of_8", serving_default=(colours, {"image": [8, SIDE, SIDE, 3]}))
    _save_functions(folder / "gray", serving_default=(brightness, {"image": [None, SIDE, SIDE, 1]}))
    _save_functions(folder / "words", serving_default=(words, {"text": [None, 7]}))
    _save_functions(
        folder / "two_inputs",
        serving_default=(two, {"first": [None, SIDE, SIDE, 3], "second": [None, SIDE, SIDE, 3]}),
    )
    _single_outputs(folder, image)
    tf.saved_model.save(tf.Module(), str(folder / "no_signature"))
    return folder


def _single_outputs(folder: Path, image: dict[str, Any]) -> None:
    """What is no list of class scores, and what no device can run."""
    import tensorflow as tf

    def one_number(image: Any) -> Any:
        return {"p": tf.sigmoid(_colour_logits(image)[:, :1])}

    def two_outputs(image: Any) -> Any:
        return {"scores": tf.nn.softmax(_colour_logits(image)), "mean": _colour_logits(image)}

    def a_map(image: Any) -> Any:
        return {"map": image}

    def tensorflow_only(image: Any) -> Any:
        distances = tf.linalg.svd(tf.reduce_mean(image, 3), compute_uv=False)
        return {"scores": tf.nn.softmax(distances[:, :4])}

    def needs_its_size(image: Any) -> Any:
        flat = tf.reshape(tf.ensure_shape(image, [None, SIDE, SIDE, 3]), [-1, SIDE * SIDE * 3])
        return {"scores": tf.nn.softmax(flat[:, :4])}

    _save_functions(folder / "one_number", serving_default=(one_number, image))
    _save_functions(folder / "two_outputs", serving_default=(two_outputs, image))
    _save_functions(folder / "a_map", serving_default=(a_map, image))
    _save_functions(folder / "tensorflow_only", serving_default=(tensorflow_only, image))
    _save_functions(
        folder / "needs_its_size",
        serving_default=(needs_its_size, {"image": [None, None, None, 3]}),
    )


@pytest.fixture(scope="session")
def keras_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Keras 3's model.export() writes: the same signature as serve and serving_default."""
    import tensorflow as tf

    layers = tf.keras.layers
    head = layers.Dense(4, activation="softmax")
    network = tf.keras.Sequential(
        [layers.Input((SIDE, SIDE, 3)), layers.GlobalAveragePooling2D(), head]
    )
    prototypes = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
    head.set_weights([3 * prototypes.T, np.zeros(4, np.float32)])
    folder = tmp_path_factory.mktemp("keras") / "model"
    network.export(str(folder), verbose=False)
    return folder


# --- Photos -----------------------------------------------------------------------------------


def _colour_photo(colour: str, seed: int, size: tuple[int, int] = (40, 30)) -> Image.Image:
    """A noisy picture of one colour."""
    noise = np.random.default_rng(seed).normal(0, 25, (size[1], size[0], 3))
    return Image.fromarray(np.clip(COLOURS[colour] + noise, 0, 255).astype(np.uint8))


def _write_photos(folder: Path, count: int, *, suffix: str = "png", seed: int = 0) -> list[Path]:
    """`count` pictures, the colours in turn: 000-red.png, 001-green.png, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        colour = CLASSES[number % len(CLASSES)]
        files.append(folder / f"{number:03d}-{colour}.{suffix}")
        _colour_photo(colour, seed + number).save(files[-1])
    return files


@dataclass(frozen=True)
class Photos:
    """The same kind of photos in every form that a build takes, and labels for them."""

    calibration: Path
    by_class: Path
    flat: Path
    labels: Path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Photos:
    folder = tmp_path_factory.mktemp("photos")
    _write_photos(folder / "calibration", 24, suffix="jpg", seed=1000)
    for file in _write_photos(folder / "flat", 24):
        target = folder / "by_class" / file.stem.split("-")[1]
        target.mkdir(parents=True, exist_ok=True)
        (target / file.name).write_bytes(file.read_bytes())
    labels = folder / "labels.txt"
    labels.write_text("\n".join(CLASSES) + "\n")
    return Photos(folder / "calibration", folder / "by_class", folder / "flat", labels)


# --- Builds -----------------------------------------------------------------------------------


@pytest.fixture
def console() -> Console:
    return Console()


def _arguments(
    saved_model: Path,
    output: Path,
    photos: Photos,
    *more: str | Path,
    **replaced: Path | str | None,
) -> list[str]:
    """A good command line of `build`; an option set to None is left out."""
    options: dict[str, Path | str | None] = {
        "output": output,
        "calibration": photos.calibration,
        "validation": photos.by_class,
        "labels": photos.labels,
        "preprocessing": "tf",
    } | replaced
    named = [(f"--{k.replace('_', '-')}", str(v)) for k, v in options.items() if v is not None]
    return ["build", str(saved_model), *(text for pair in named for text in pair), *map(str, more)]


@pytest.fixture
def edge_convert(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command line in this process, where TensorFlow is loaded already."""

    def run(*args: str | Path) -> Ran:
        capfd.readouterr()
        try:
            status = cli.main([str(arg) for arg in args])
        except SystemExit as stop:  # argparse's way to say wrong usage
            status = int(stop.code or 0)
        out, err = capfd.readouterr()
        return Ran(status, out + err)

    return run


@pytest.fixture
def build(
    edge_convert: Callable[..., Ran], photos: Photos, tmp_path: Path
) -> Callable[..., tuple[Ran, Path]]:
    """A build of a SavedModel into a fresh directory, with some options replaced."""

    def run(saved_model: Path, *more: str | Path, **replaced: Any) -> tuple[Ran, Path]:
        output = Path(replaced.pop("output", tmp_path / "out"))
        return edge_convert(*_arguments(saved_model, output, photos, *more, **replaced)), output

    return run


@dataclass(frozen=True)
class Finished:
    """A finished build."""

    output: Path
    report: dict[str, Any]

    @property
    def model(self) -> Path:
        return self.output / str(self.report["file"])


def _finish(folder: Path, args: list[str]) -> Finished:
    """Build and insist that a report came out."""
    status = cli.main(args)
    assert status in (0, build_command.EXIT_GATE_FAILED)
    return Finished(folder, json.loads((folder / "report.json").read_text()))


@pytest.fixture(scope="session")
def colours_build(
    models: Path, photos: Photos, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """The colour model in int8; it passes. To look at, not to change."""
    folder = tmp_path_factory.mktemp("colours_build")
    return _finish(folder, _arguments(models / "colours", folder, photos))


@pytest.fixture(scope="session")
def float_build(models: Path, photos: Photos, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The logits model in float32, without labels, compared on a flat folder."""
    folder = tmp_path_factory.mktemp("float_build")
    options = {"calibration": None, "labels": None, "validation": photos.flat}
    return _finish(
        folder, _arguments(models / "logits", folder, photos, "--recipe", "float32", **options)
    )


# --- Children ---------------------------------------------------------------------------------


def _obey_modes() -> None:
    """Lets root obey file modes like everybody (in the child, before it becomes Python)."""
    libc = ctypes.CDLL(None)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _command(*args: str | Path, obey_modes: bool = False, **options: Any) -> Ran:
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


def _without_tensorflow(script: str, *args: str | Path) -> Any:
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


# --- The helpers, for tests -------------------------------------------------------------------


@pytest.fixture(scope="session")
def save_functions() -> Callable[..., Path]:
    return _save_functions


@pytest.fixture(scope="session")
def colour_logits() -> Callable[..., Any]:
    return _colour_logits


@pytest.fixture(scope="session")
def write_photos() -> Callable[..., list[Path]]:
    return _write_photos


@pytest.fixture(scope="session")
def arguments() -> Callable[..., list[str]]:
    return _arguments


@pytest.fixture(scope="session")
def finish() -> Callable[..., Finished]:
    return _finish


@pytest.fixture(scope="session")
def command() -> Callable[..., Ran]:
    return _command


@pytest.fixture(scope="session")
def without_tensorflow() -> Callable[..., Any]:
    return _without_tensorflow
