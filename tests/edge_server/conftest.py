"""Real models small enough to be made here, real pictures, and the server as a process."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from PIL import Image

from camera.sources.demo import demo_digits, picture
from edge_server import services as services_module
from edge_server.app import create_app
from edge_server.inference import bundle
from edge_server.inference.classifier import Classifier
from edge_server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
TENSOR_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int16": 7, "int8": 9}
MEAN_OPERATOR, REDUCER_OPTIONS = 40, 27


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What servers remember between two starts does not come from the user's cache."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


# Pictures


def _encode(pixels: Any, kind: str = "PNG", **options: Any) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Pixels or a Pillow image -> the bytes of a file of a format."""
    return _encode


@pytest.fixture(scope="session")
def paint() -> Callable[..., np.ndarray]:
    """A picture of one colour: uint8 (h, w, 3)."""

    def make(*colour: int, size: tuple[int, int] = (40, 30)) -> np.ndarray:
        return np.full((size[1], size[0], 3), colour, np.uint8)

    return make


@pytest.fixture(scope="session")
def digit() -> Callable[[int], tuple[bytes, str]]:
    """A held-out digit by its number: the bytes of a JPEG, and the label."""

    @cache
    def make(index: int) -> tuple[bytes, str]:
        tiles, labels = demo_digits()
        return _encode(picture(tiles, index), "JPEG", quality=95), labels[index]

    return make


# Models


class _Tables:
    """A flatbuffers.Builder that takes whole tables, by field number."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(1024)

    def vector(self, kind: str, values: Any) -> int:
        return int(self.builder.CreateNumpyVector(np.asarray(values, kind)))

    def tables(self, offsets: list[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return int(self.builder.EndVector())

    def text(self, value: str) -> int:
        return int(self.builder.CreateString(value))

    def table(self, offsets: dict[int, int], **numbers: dict[int, int]) -> int:
        """`numbers` maps a type of the builder (Int32) to its fields."""
        self.builder.StartObject(10)
        for field, offset in offsets.items():
            self.builder.PrependUOffsetTRelativeSlot(field, offset, 0)
        for kind, fields in numbers.items():
            for field, value in fields.items():
                getattr(self.builder, f"Prepend{kind}Slot")(field, value, 0)
        return int(self.builder.EndObject())


def _mean_model(
    shape: tuple[int, ...] = (1, 8, 8, 3),
    dtype: str = "float32",
    scale: float = 0.0,
    zero_point: int = 0,
    axes: tuple[int, ...] = (1, 2),
    keep: bool = False,
    outputs: int = 1,
) -> bytes:
    """A model whose scores are the means of the picture's channels: it names the main colour.

    `keep` leaves the `axes` that it takes means over in the output, with a size of 1.
    """
    t = _Tables()

    def tensor(name: str, size: Any, kind: str, buffer: int, quantized: bool) -> int:
        offsets = {0: t.vector("int32", size), 3: t.text(name)}
        if quantized and scale:
            scales, zeros = t.vector("float32", [scale]), t.vector("int64", [zero_point])
            offsets[4] = t.table({2: scales, 3: zeros})
        return t.table(offsets, Int8={1: TENSOR_TYPES[kind]}, Uint32={2: buffer})

    contents = [b"", b"", np.int32(axes).tobytes(), b""]
    buffers = [t.table({0: t.vector("uint8", list(c))} if c else {}) for c in contents]
    left = [1 if n in axes else size for n, size in enumerate(shape) if keep or n not in axes]
    tensors = [
        tensor("image", shape, dtype, 1, True),
        tensor("axes", [len(axes)], "int32", 2, False),
        tensor("scores", left, dtype, 3, True),
    ]
    options = t.table({}, Bool={0: keep})
    ends = {1: t.vector("int32", [0, 1]), 2: t.vector("int32", [2])}
    operator = t.table(ends | {4: options}, Uint8={3: REDUCER_OPTIONS})
    ends = {1: t.vector("int32", [0]), 2: t.vector("int32", [2] * outputs)}
    graph = t.table({0: t.tables(tensors)} | ends | {3: t.tables([operator])})
    code = t.table({}, Int8={0: MEAN_OPERATOR}, Int32={2: 2, 3: MEAN_OPERATOR})
    fields = {1: t.tables([code]), 2: t.tables([graph]), 4: t.tables(buffers)}
    t.builder.Finish(t.table(fields, Uint32={0: 3}), file_identifier=b"TFL3")
    return bytes(t.builder.Output())


def _attach(model: bytes, files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO(model)
    stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture(scope="session")
def tables() -> type[_Tables]:
    """Writes FlatBuffers by field number."""
    return _Tables


@pytest.fixture(scope="session")
def mean_model() -> Callable[..., bytes]:
    """Makes the bytes of a .tflite whose scores are the means of the picture's channels."""
    return _mean_model


@pytest.fixture
def colour_file(tmp_path: Path) -> Callable[..., Path]:
    """A .tflite file that names the main colour; `files` are attached to it."""

    def write(files: dict[str, bytes] | None = None, **graph: Any) -> Path:
        path = tmp_path / "colour.tflite"
        model = _mean_model(**graph)
        path.write_bytes(_attach(model, files) if files else model)
        return path

    return write


@pytest.fixture
def altered(bundled_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """The bundled model, its attached files (and its graph) replaced; None leaves a file out."""

    def write(
        files: dict[str, bytes | None] | None = None,
        graph: Callable[[bytes], bytes] = lambda graph: graph,
    ) -> Path:
        with zipfile.ZipFile(bundled_model) as archive:
            start = min(info.header_offset for info in archive.infolist())
            attached = {name: archive.read(name) for name in archive.namelist()} | (files or {})
        kept = {name: content for name, content in attached.items() if content is not None}
        path = tmp_path / "altered.tflite"
        path.write_bytes(_attach(graph(bundled_model.read_bytes()[:start]), kept))
        return path

    return write


@pytest.fixture(scope="session")
def classifier(bundled_model: Path) -> Classifier:
    """The bundled digit classifier in two interpreters."""
    return Classifier(bundle.read(bundled_model), interpreters=2)


# Servers


@dataclass(frozen=True)
class Served:
    """The application in this process."""

    client: Any
    services: services_module.Services


@pytest.fixture
def application() -> Iterator[Callable[..., Served]]:
    """Makes the application of some settings, its camera reading."""
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Served:
            services = services_module.build(Settings(**settings))
            services.start()
            stack.callback(services.stop)
            return Served(create_app(services).test_client(), services)

        yield start


@pytest.fixture(scope="module")
def digits_app() -> Iterator[Served]:
    """The bundled model without a camera."""
    services = services_module.build(Settings(camera="none"))
    yield Served(create_app(services).test_client(), services)


class Process:
    """`python -m edge_server` in a process of its own; what it says goes to a file."""

    def __init__(self, file: Path, arguments: Any, environment: dict[str, str]) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_")}
        command = [sys.executable, "-m", "edge_server", *map(str, arguments)]
        self._file = file
        with file.open("wb") as said:
            self.popen = subprocess.Popen(command, cwd=ROOT, env=clean | environment, stderr=said)

    @property
    def log(self) -> str:
        return self._file.read_text()

    def wait_for(self, pattern: str) -> str:
        """The first group of a pattern, once the log has it."""
        end = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, self.log)):
            assert self.popen.poll() is None and time.monotonic() < end, self.log
            time.sleep(0.01)
        return found[1]

    @property
    def url(self) -> str:
        return self.wait_for(r'url(?:=|": ")(https?://[^/\s"]+)/')

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.partition("://")[2].rsplit(":", 1)
        return host, int(port)

    def end(self, seconds: float = START_SECONDS) -> int:
        """The exit status, when it has ended by itself."""
        return self.popen.wait(seconds)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Starts a server with these arguments; ended after the tests."""
    with contextlib.ExitStack() as stack:

        def start(*arguments: Any, environment: dict[str, str] | None = None) -> Process:
            file = tmp_path_factory.mktemp("server") / "log"
            process = Process(file, arguments, environment or {})
            stack.callback(process.popen.wait)
            stack.callback(process.popen.kill)
            return process

        yield start


@pytest.fixture(scope="session")
def digits_server(server: Callable[..., Process]) -> Process:
    """The bundled model with the demo camera, two viewers at most, two interpreters, 1 MiB."""
    return server("--port", 0, "--viewers", 2, "--interpreters", 2, "--max-body", 1)


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Waits for a condition, with patience."""

    def wait(condition: Callable[[], Any], seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.01)

    return wait


class Clock:
    """A clock of seconds that a test moves on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """For what is given its clock."""
    return Clock()
