"""Where photos and their labels come from: a CSV, a folder per class, or a flat folder."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from convert.errors import BuildError, UsageError
from edge_server.errors import ImageError
from edge_server.inference import decoding, preprocessing
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import Preprocessing

_SUFFIXES: Final = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")
)
_COLUMNS: Final = ("file", "label_index")
# Above this share of unreadable photos something is wrong with the set, not with a photo.
MAX_UNREADABLE: Final = 0.10
_NAMED: Final = 5


@dataclass(frozen=True)
class Photo:
    """A photo's file and the index of its class, None where that is not known."""

    path: Path
    label: int | None = None


@dataclass(frozen=True)
class PhotoSet:
    """Photos in a fixed order. `labelled` where every photo has its class."""

    origin: Path
    photos: tuple[Photo, ...]
    labelled: bool


@dataclass
class Unreadable:
    """The photos of one set that could not be decoded, by name, with the reason."""

    origin: Path
    total: int
    reasons: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """How many were left out, and the first of them by name."""
        names = list(self.reasons)[:_NAMED]
        more = f" and {len(self.reasons) - len(names)} more" if len(self.reasons) > _NAMED else ""
        return (
            f"left out {len(self.reasons)} of {self.total} photos in {self.origin} that can't be "
            f"read: {', '.join(names)}{more}"
        )

    def check(self) -> None:
        """Raises BuildError where 10 % or more of the photos are unreadable."""
        if self.reasons and len(self.reasons) / self.total >= MAX_UNREADABLE:
            first = next(iter(self.reasons))
            raise BuildError(
                f"{len(self.reasons)} of {self.total} photos in {self.origin} can't be read, "
                f"the first is {first} ({self.reasons[first]}): "
                "remove or replace them, then build again."
            )


def decoded(photos: Iterable[Photo], unreadable: Unreadable) -> Iterator[tuple[Photo, Pixels]]:
    """Each readable photo with its pixels, uint8 (h, w, 3) RGB; the others go to `unreadable`."""
    return _read_each(photos, unreadable, decoding.decode)


def seen(
    photos: Iterable[Photo], unreadable: Unreadable, spec: Preprocessing
) -> Iterator[tuple[Photo, Pixels]]:
    """The same with what the model sees of each, as the device makes it: uint8 (height, width,
    channels)."""
    return _read_each(photos, unreadable, lambda data: preprocessing.see(data, spec))


def _read_each(
    photos: Iterable[Photo], unreadable: Unreadable, read_one: Callable[[bytes], Pixels]
) -> Iterator[tuple[Photo, Pixels]]:
    for photo in photos:
        try:
            pixels = read_one(photo.path.read_bytes())
        except (ImageError, OSError) as error:
            unreadable.reasons[str(photo.path)] = str(error)
            continue
        yield photo, pixels


def read(path: Path, labels: Sequence[str], classes: int) -> PhotoSet:
    """Find the photos that `path` names.

    A CSV has the columns file and label_index; its paths are relative to it, or to the folder
    beside it that has its name (photos/validation.csv, photos/validation/). A folder of folders
    has one for each class, named by its label or its index. Any other folder is flat. What is
    hidden (its name begins with a dot) does not count.

    Raises UsageError where it names no photos, or classes that the model does not have.
    """
    return _read(
        path, lambda: _read_folder(path, labels, classes), lambda: _read_csv(path, classes)
    )


def read_unlabelled(path: Path) -> PhotoSet:
    """The same for photos whose classes do not matter: folders may have any name and depth, and
    a CSV needs no label_index. Raises UsageError."""
    return _read(
        path,
        lambda: PhotoSet(path, tuple(Photo(p) for p in _images_in(path)), labelled=False),
        lambda: _read_csv(path, None),
    )


def _read(path: Path, folder: Callable[[], PhotoSet], table: Callable[[], PhotoSet]) -> PhotoSet:
    try:
        if path.is_dir():
            photo_set = folder()
        elif path.is_file():
            photo_set = table()
        else:
            raise UsageError(f"{path} is neither a folder of photos nor a CSV: check the path.")
    except OSError as error:
        raise UsageError(
            f"{path} can't be read ({error.strerror}): check its permissions."
        ) from error
    if not photo_set.photos:
        raise UsageError(
            f"There are no photos in {path}: it should hold JPEG, PNG, WebP, BMP, GIF or TIFF "
            "files, or folders of them named by class."
        )
    return photo_set


def evenly(photos: Sequence[Photo], count: int) -> tuple[Photo, ...]:
    """At most `count` photos, spread evenly over the set, in its order."""
    if len(photos) <= count:
        return tuple(photos)
    return tuple(photos[i * len(photos) // count] for i in range(count))


def class_folders(path: Path) -> tuple[str, ...]:
    """The names of the folders in `path` that hold photos, sorted as Keras sorts them."""
    if not path.is_dir():
        return ()
    return tuple(
        sorted(p.name for p in path.iterdir() if p.is_dir() and not _hidden(p) and _images_in(p))
    )


def is_index(name: str, classes: int) -> bool:
    """Whether a folder's name is the index of one of so many classes."""
    return name.isascii() and name.isdigit() and int(name) < classes


def _hidden(path: Path) -> bool:
    """Whether a file browser would not show it; macOS leaves a ._photo.jpg beside a photo.jpg."""
    return path.name.startswith(".")


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in _SUFFIXES
        and p.is_file()
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )


def _read_folder(folder: Path, labels: Sequence[str], classes: int) -> PhotoSet:
    loose = [p for p in _images_in(folder) if p.parent == folder]
    names = class_folders(folder)
    if loose and names:
        raise UsageError(
            f"{folder} holds photos of its own ({loose[0].name}) beside folders of photos "
            f"({names[0]}): put every photo into the folder of its class, or all into one folder."
        )
    if not names:
        return PhotoSet(folder, tuple(Photo(p) for p in loose), labelled=False)
    index_of = _folder_index(folder, labels, classes)
    photos = [Photo(p, index_of(name)) for name in names for p in _images_in(folder / name)]
    return PhotoSet(folder, tuple(photos), labelled=True)


def _folder_index(folder: Path, labels: Sequence[str], classes: int) -> Callable[[str], int]:
    def index_of(name: str) -> int:
        fitting = [index for index, label in enumerate(labels) if label == name]
        if len(fitting) > 1:
            raise UsageError(
                f"The folder {folder / name} could be any of the classes {fitting}, which all have "
                "that label: name it by the index of its class."
            )
        if fitting:
            return fitting[0]
        if is_index(name, classes):
            return int(name)
        raise UsageError(
            f"The folder {folder / name} is named after no class: name each folder by a line of "
            f"the label file, or by a class index from 0 to {classes - 1}."
        )

    return index_of


def _read_csv(path: Path, classes: int | None) -> PhotoSet:
    """`classes` is None where the labels do not matter."""
    columns = _COLUMNS if classes is not None else _COLUMNS[:1]
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if not set(columns) <= set(reader.fieldnames or ()):
                raise UsageError(
                    f"{path} lacks the columns file and label_index: its first line should be "
                    "'file,label_index'."
                )
            photos = [_csv_photo(path, reader.line_num, row, classes) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(
            f"{path} is no CSV that can be read ({error}): save it as UTF-8 text with the columns "
            "file and label_index."
        ) from error
    return PhotoSet(path, tuple(photos), labelled=classes is not None)


def _csv_photo(path: Path, line: int, row: dict[str, str | None], classes: int | None) -> Photo:
    file, index = (row["file"] or "").strip(), (row.get("label_index") or "").strip()
    if not file:
        raise UsageError(f"{path}, line {line} names no file: put its path into the column file.")
    label = None
    if classes is not None:
        # Nine digits are more classes than there are; int() refuses thousands of them.
        if not re.fullmatch(r"\d{1,9}", index, re.ASCII) or int(index) >= classes:
            raise UsageError(
                f"{path}, line {line}: '{file},{index}' should be a file and a class index "
                f"from 0 to {classes - 1}."
            )
        label = int(index)
    beside, inside = path.parent / file, path.parent / path.stem / file
    return Photo(inside if inside.exists() and not beside.exists() else beside, label)
