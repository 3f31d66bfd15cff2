"""A zip with one model in it, as Teachable Machine's downloads are: what is in it, and unpacking.

Knows models by their names in the archive alone; source_path looks at what they are. A zip is a
stranger: what it may unpack to is bounded, and nothing of it is written outside of a directory
that goes again.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from convert.errors import BuildError, UsageError, first_line

GRAPH_FILES: Final = ("saved_model.pb", "saved_model.pbtxt")
KERAS_ENDINGS: Final = (".h5", ".hdf5", ".keras")
_LABELS: Final = "labels.txt"
# No SavedModel is larger: a message of protobuf ends there.
_MOST_BYTES: Final = 2 << 30
_MOST_FILES: Final = 10_000
_MOST_BYTES_OF_LABELS: Final = 1 << 20


@dataclass(frozen=True)
class Opened:
    """A model on the disk, and the labels that came in the same archive."""

    model: Path
    labels: Path | None = None


@dataclass(frozen=True)
class _Contents:
    """Where in an archive its one model is, the files of it, and the labels beside it."""

    model: PurePosixPath
    files: tuple[zipfile.ZipInfo, ...]
    labels: zipfile.ZipInfo | None


def check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Raises UsageError where the archive says that it unpacks to more than a model can be."""
    files = archive.infolist()
    if len(files) > _MOST_FILES or sum(file.file_size for file in files) > _MOST_BYTES:
        raise UsageError(
            f"{path} would unpack to more than {_MOST_BYTES >> 30} GB or {_MOST_FILES} files, "
            "which no model for a small device is: save the model again."
        )


def holds_a_model(path: Path) -> bool:
    """Whether a zip holds exactly one SavedModel or Keras file, by the names in it.

    Raises UsageError where it holds several, or is no archive to unpack.
    """
    with zipfile.ZipFile(path) as archive:
        return _find(path, archive) is not None


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """The model at `path`, unpacked for the time of the block where it comes in a zip.

    Raises UsageError where the archive is damaged, BuildError where the disk does not take it.
    """
    if not path.is_file() or not zipfile.is_zipfile(path):
        yield Opened(path)
        return
    with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
        found = _find(path, archive)
        if found is None:  # a .keras file is a zip too
            yield Opened(path)
            return
        _unpack(path, archive, found, Path(folder))
        labels = None if found.labels is None else Path(folder, found.labels.filename)
        model = Path(folder, found.model)
        try:
            yield Opened(model, labels)
        except UsageError as error:  # what it says of a file that will be gone is said of the zip
            raise type(error)(str(error).replace(str(model), str(path))) from error


def _find(path: Path, archive: zipfile.ZipFile) -> _Contents | None:
    files = {PurePosixPath(info.filename): info for info in archive.infolist() if _counts(info)}
    folders = {name.parent for name in files if name.name in GRAPH_FILES}
    models = [*folders]
    models += [
        name
        for name in files
        if name.suffix.lower() in KERAS_ENDINGS
        and not name.name.endswith(".weights.h5")
        and folders.isdisjoint(name.parents)
    ]
    if not models:
        return None
    if len(models) > 1:
        listed = ", ".join(map(str, sorted(models)[:5]))
        raise UsageError(f"{path} holds several models ({listed}): unpack it and give one of them.")
    check_size(path, archive)
    (model,) = models
    inside = {name: info for name, info in files.items() if model in (name, *name.parents)}
    beside = (PurePosixPath(), model.parent, model)
    named = [
        info
        for name, info in files.items()
        if name.name.lower() == _LABELS
        and name.parent in beside
        and info.file_size <= _MOST_BYTES_OF_LABELS
    ]
    labels = named[0] if named else None
    for name in (*inside, *([PurePosixPath(labels.filename)] if labels else [])):
        if name.is_absolute() or ".." in name.parts:
            raise UsageError(f"{path} holds a file by the name {name}: pack the model again.")
    return _Contents(model, tuple(inside.values()), labels)


def _counts(info: zipfile.ZipInfo) -> bool:
    """Whether it is a file that someone packed; macOS adds hidden ones of its own."""
    parts = PurePosixPath(info.filename).parts
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
    return not info.is_dir() and not hidden


def _unpack(path: Path, archive: zipfile.ZipFile, found: _Contents, folder: Path) -> None:
    """Write the model's files and its labels below `folder`."""
    for info in (*found.files, *([found.labels] if found.labels else [])):
        target = folder / info.filename
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # A stream of the archive never gives more than the size that was checked.
            with archive.open(info) as packed, target.open("wb") as written:
                shutil.copyfileobj(packed, written)
        except OSError as error:
            raise BuildError(
                f"{path} can't be unpacked to {folder.parent} ({error.strerror}): make room "
                "there, or unpack it yourself and give the model in it."
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise UsageError(
                f"{path} can't be unpacked ({first_line(error)}): download or pack it again."
            ) from error
