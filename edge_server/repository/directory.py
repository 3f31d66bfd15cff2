"""What is on disk: DIR/NAME/VERSION/model.tflite, or one file. Knows nothing of loading.

Version directories have whole numbers as names; 10 is newer than 9. Beside `model.tflite` may stand
`labels.txt` and `model.toml`, for files that say neither, and beside the versions a file `pin` with
the number of the one to serve. Whatever else is there is left alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol, TypeAlias

MODEL_FILE: Final = "model.tflite"
LABELS_FILE: Final = "labels.txt"
OPTIONS_FILE: Final = "model.toml"
PIN_FILE: Final = "pin"

# Letters, digits and what a URL or a setting takes without doubt.
_MODEL_NAME: Final = re.compile(r"\w[\w.\- ]{0,127}")
# TensorFlow Serving's versions are 64 bits wide.
_VERSION_NAME: Final = re.compile(r"[0-9]{1,18}")
# What copying programs name a thing until it is whole, beside names with a dot before them.
_UNFINISHED: Final = (".tmp", ".part", ".partial", ".incoming", "~")
_NO_MODELS: Final = ("lost+found",)
_LONGEST_PIN: Final = 200

# What stat says of each of the files, None where there is none: if it is the same, they are.
Signature: TypeAlias = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class VersionFiles:
    """The files of one version. `labels` and `options` need not exist."""

    number: int
    version: str
    model: Path
    labels: Path | None = None
    options: Path | None = None

    def signature(self) -> Signature:
        """What tells these files from others. Raises OSError where they can't be looked at."""
        paths = (self.model, self.labels, self.options)
        return tuple(None if path is None else _stat(path) for path in paths)


@dataclass(frozen=True)
class ModelFiles:
    """One model: its versions by number, and the one that its file `pin` names, None for none.

    `troubles` are sentences on what was left out.
    """

    name: str
    versions: Mapping[int, VersionFiles]
    pin: int | None = None
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """The names of all models, and sentences on what was left out."""

    names: frozenset[str]
    troubles: tuple[str, ...] = ()


class Source(Protocol):
    """Where models come from. Asked by several threads, by one at a time for each model."""

    @property
    def description(self) -> str:
        """What to call it."""

    def names(self) -> Names:
        """Which models are there now. Raises OSError where that can't be said."""

    def model(self, name: str) -> ModelFiles:
        """What is there of one. Raises OSError, FileNotFoundError where there is none."""


class SingleFile:
    """One file as the only version of one model."""

    def __init__(self, path: Path, name: str) -> None:
        self._model = ModelFiles(name, {1: VersionFiles(1, "1", path)})
        self.description = str(path)

    def names(self) -> Names:
        return Names(frozenset([self._model.name]))

    def model(self, name: str) -> ModelFiles:
        if name != self._model.name:
            raise FileNotFoundError(name)
        return self._model


class ModelDirectory:
    """A directory of models."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.description = str(root)
        # Read again only when stat says that the file is another.
        self._pins: dict[str, tuple[tuple[int, ...], int | None, str]] = {}

    def names(self) -> Names:
        found = _directories(self._root)
        good = frozenset(name for name in found if _MODEL_NAME.fullmatch(name))
        troubles = tuple(
            f"{name!a} can't be the name of a model: use letters, digits, '_', '-', '.' and spaces."
            for name in sorted(set(found) - good)
        )
        return Names(good, troubles)

    def model(self, name: str) -> ModelFiles:
        if not _MODEL_NAME.fullmatch(name):
            raise FileNotFoundError(name)
        versions: dict[int, VersionFiles] = {}
        troubles = []
        folder = self._root / name
        # Shortest first: 1 goes before 01.
        for entry in sorted(_directories(folder), key=lambda entry: (len(entry), entry)):
            if not _VERSION_NAME.fullmatch(entry) or int(entry) in versions:
                troubles.append(
                    f"{folder / entry} is left out: a version's directory is named by a whole "
                    "number of its own."
                )
                continue
            versions[int(entry)] = _version(folder, entry)
        pin, trouble = self._pin(name, folder / PIN_FILE)
        return ModelFiles(name, versions, pin, (*troubles, *([trouble] if trouble else [])))

    def _pin(self, name: str, path: Path) -> tuple[int | None, str]:
        """The pinned version, and what is wrong with the file. A bad one changes nothing."""
        known = self._pins.get(name)
        try:
            found = _stat(path)
            if found is None:
                self._pins.pop(name, None)
                return None, ""
            if known is None or known[0] != found:
                with path.open(encoding="utf-8", errors="replace") as file:
                    text = file.read(_LONGEST_PIN).strip()
                before = known[1] if known else None
                self._pins[name] = known = (found, *_read_pin(path, text, before))
        except OSError as error:
            return known[1] if known else None, f"{path} can't be read ({error.strerror})."
        return known[1], known[2]


@lru_cache(maxsize=8192)  # asked for at every look, for every version that is there
def _version(folder: Path, entry: str) -> VersionFiles:
    place = folder / entry
    return VersionFiles(
        int(entry),
        entry,
        place / MODEL_FILE,
        labels=place / LABELS_FILE,
        options=place / OPTIONS_FILE,
    )


def _read_pin(path: Path, text: str, before: int | None) -> tuple[int | None, str]:
    if not text:
        return None, ""
    if _VERSION_NAME.fullmatch(text):
        return int(text), ""
    return before, f"{path} holds {text[:40]!a}: write the number of one version into it."


def _directories(folder: Path) -> list[str]:
    """The names of the directories in one, without hidden and unfinished ones."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if _is_meant(entry.name) and _is_directory(entry)]


def _is_meant(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(_UNFINISHED) and name not in _NO_MODELS


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or to where nobody may look
        return False


def _stat(path: Path) -> tuple[int, ...] | None:
    try:
        # Links are followed: where one points elsewhere now, device and inode are others.
        found = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
