"""A directory of small real models, and repositories that follow it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_server.inference.loading import LoadOptions
from edge_server.repository import Repository
from edge_server.repository.directory import ModelDirectory
from edge_server.repository.loading import Loader
from edge_server.repository.rules import Rules

COLOURS = ("red", "green", "blue")


class Shelf:
    """Writes versions that name the main colour, each with labels and bytes of its own."""

    def __init__(self, root: Path, graph: bytes) -> None:
        self.root, self._graph = root, graph
        root.mkdir()

    def content(self, mark: str) -> bytes:
        """A model file that no other mark gives."""
        stream = io.BytesIO(self._graph)
        stream.seek(0, io.SEEK_END)
        with zipfile.ZipFile(stream, "a") as archive:
            archive.writestr(zipfile.ZipInfo("mark.txt"), mark)  # without the time
        return stream.getvalue()

    def sha256(self, mark: str) -> str:
        return hashlib.sha256(self.content(mark)).hexdigest()

    def write(self, name: str, version: str, mark: str = "", *, hidden: bool = False) -> Path:
        """A whole version at once, as `mv` from beside it does; `hidden` leaves out the `mv`."""
        mark = mark or f"{name}-{version}"
        place = self.root / name / version
        incoming = place.with_name(f".{version}.incoming")
        incoming.mkdir(parents=True)
        (incoming / "model.tflite").write_bytes(self.content(mark))
        (incoming / "labels.txt").write_text("".join(f"{mark} {c}\n" for c in COLOURS))
        (incoming / "model.toml").write_text('preprocessing = "unit"\n')
        return incoming if hidden else incoming.rename(place)

    def pin(self, name: str, text: str) -> None:
        file = self.root / name / "pin"
        incoming = file.with_name(".pin")
        incoming.write_text(text)
        incoming.replace(file)


@pytest.fixture
def shelf(tmp_path, mean_model) -> Shelf:
    return Shelf(tmp_path / "models", mean_model())


@pytest.fixture
def repository(shelf) -> Iterator[Callable[..., Repository]]:
    """Makes a repository of the shelf; it looks when it is told to, or when it is started."""
    with contextlib.ExitStack() as stack:

        def make(**rules) -> Repository:
            rules.setdefault("poll_seconds", 0.1)
            made = Repository(ModelDirectory(shelf.root), Loader(LoadOptions()), Rules(**rules))
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture
def look(until) -> Callable[..., None]:
    """Lets a repository look until something holds."""

    def wait(repository: Repository, holds: Callable[[], object], seconds: float = 20.0) -> None:
        def looked() -> object:
            repository.look()
            return holds()

        until(looked, seconds)

    return wait
