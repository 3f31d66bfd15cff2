"""The labels of a model's classes, read from whatever a label file is.

The one reader of label files: of options, of files beside a model and of those inside of it. What a
file is says its content and not its name. Where each entry has a number, the number decides which
class it is of. Nothing is guessed: what could mean two things is refused, with what to write.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from edge_server.errors import SettingError
from edge_server.inference.labels import yaml_subset
from edge_server.inference.labels.entries import (
    NAME_KEYS,
    PBTXT,
    Entries,
    of_pbtxt,
    of_value,
    simple,
)
from edge_server.inference.labels.lines import of_lines
from edge_server.inference.labels.literals import brackets
from edge_server.inference.labels.text import MAX_BYTES, NoLabels, check_count, decode

MAX_LENGTH: Final = 1000
_BACKGROUND: Final = ("background", "dummy", "???", "_background_", "__background__")
_HEADINGS: Final = frozenset((*NAME_KEYS, "labels", "classes", "names"))
# An assignment of JavaScript or Python before a list or a map.
_ASSIGNED: Final = re.compile(
    r"\s*(?:export\s+)?(?:(?:const|let|var)\s+)?[A-Za-z_][\w.]{0,80}\s*(?::[^=\n]{0,80})?="
    r"\s*(?=[\[{(])"
)
_COMMENT: Final = re.compile(r"\s*(?:#|//)[^\n]*\n")
_BRACKETS: Final = re.compile(r"\s*(?:[\[{]|\(\s*[\[(\"'])")
# A document's first line; a key that names what follows, with nothing behind it, or with a list or
# a map; a map in a list; an item that goes on in the next line.
_YAML: Final = re.compile(
    r"""^(?: ---[ \t]*$ | (?:names|labels|classes|class_names|id2label|label2id):
        | [\w-]+:[ \t]*$ | (?![0-9]+:)[\w-]+:[ \t]+\#.*$ | [\w-]+:[ \t]+[\[{]
        | -[ \t]+[\w-]+:[ \t] | (?:-[ ]|[^\s:]+:[ ])[^\n]*\n[ ]+(?![0-9"'-])\S )""",
    re.VERBOSE | re.MULTILINE,
)
# Characters that no text shows: control characters, halves of a character, the mark of a lost one.
_UNSHOWN: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]")


@dataclass(frozen=True)
class LabelFile:
    """The labels that a file holds, in the order of the classes.

    `origin` names the file and `form` what it was read as. `background` where the file counts from
    1 because 0 belongs to a background class, which it does not name.
    """

    origin: str
    form: str
    names: tuple[str, ...]
    background: bool = False

    def __str__(self) -> str:
        return f"{self.origin}: {self.form}, {listed(self.names)}"

    def for_classes(self, classes: int) -> tuple[str, ...]:
        """The labels of a model with so many classes, more or fewer where they do not fit it."""
        if self.background and len(self.names) == classes - 1:
            return ("background", *self.names)
        return self.names


def listed(names: Sequence[str]) -> str:
    """How many labels there are, and the first three of them, short."""
    count = f"{len(names)} label{'' if len(names) == 1 else 's'}"
    first = ", ".join(name.split(",")[0][:40] for name in names[:3])
    return f"{count} ({first}{', ...' if len(names) > 3 else ''})"


def read(path: Path) -> LabelFile:
    """Read a label file. Raises SettingError, with what to write, where it holds no labels."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingError(
            f"The label file {path} can't be read ({error.strerror}): give a file of the model's "
            "labels."
        ) from error
    return from_bytes(data, str(path))


def from_bytes(data: bytes, origin: str) -> LabelFile:
    """Read the bytes of a label file; `origin` is what errors call it. Raises SettingError."""
    try:
        found = _entries(decode(data))
        names = _ordered(found)
    except NoLabels as error:
        raise SettingError(f"The label file {origin} {error}.") from error
    return LabelFile(origin, found.form, names, found.background)


def of_own_file(data: bytes, origin: str) -> LabelFile:
    """The labels.txt inside a file of this product, whose lines are the names as they are."""
    lines = data.decode("utf-8", "replace").rstrip().splitlines()
    return LabelFile(origin, "one label a line", tuple(line.strip() for line in lines))


def fitting(file: LabelFile | None, model: str, classes: int) -> tuple[str, ...]:
    """A label for each class; their numbers where there is no file.

    Raises SettingError where there are more or fewer.
    """
    if file is None or not file.names:
        return tuple(str(index) for index in range(classes))
    names = file.for_classes(classes)
    if len(names) == classes:
        return names
    advice = "it needs one label for each class, in the model's order"
    if len(names) == classes - 1:
        advice += "; if the model's first class is the background, put it before the others"
    if len(names) == classes + 1:
        first = names[0]
        if first.casefold() in _BACKGROUND:
            advice += f"; this model has no class for '{first}': leave it out"
        elif simple(first) in _HEADINGS or first.startswith("#"):
            advice += f"; if the first, '{first}', is a heading, leave it out"
    raise SettingError(
        f"{file.origin} has {len(names)} label{'' if len(names) == 1 else 's'} ({file.form}) but "
        f"{model} puts out {classes} classes: {advice}."
    )


def _entries(text: str) -> Entries:
    """What the text says, in the format that it begins as."""
    begin = 0
    while comment := _COMMENT.match(text, begin):
        begin = comment.end()
    if assigned := _ASSIGNED.match(text, begin):
        text, begin = text[assigned.end() :], 0
    if _BRACKETS.match(text, begin):
        value, form = brackets(text)
        return of_value(value, form)
    if PBTXT.match(text, begin):
        return of_pbtxt(text)
    # Half of the lines may be empty, or hold the brackets of others.
    check_count(text.count("\n") // 2)
    if _YAML.search(text):
        return of_value(yaml_subset.read(text), "YAML")
    return of_lines(text)


def _ordered(found: Entries) -> tuple[str, ...]:
    """The names by class, checked. Raises NoLabels."""
    entries = found.entries
    check_count(len(entries))
    names = [_checked(entry.name) for entry in entries]
    numbers = [entry.number for entry in entries if entry.number is not None]
    if not numbers:
        return tuple(names)
    pairs = sorted(zip(numbers, names, strict=True), key=lambda pair: pair[0])
    _check_numbers(pairs, found)
    return tuple(name for _, name in pairs)


def _check_numbers(pairs: Sequence[tuple[int, str]], found: Entries) -> None:
    """Raises NoLabels where sorted numbers do not go from 0 (1 above a background) up by one."""
    first = int(found.background)
    for number, name in pairs:
        if not name:
            raise NoLabels(f"has no label for class {number}: write one{found.otherwise}")
    for (before, one), (after, other) in pairwise(pairs):
        if before == after:
            raise NoLabels(
                f"has the number {before} twice, for '{one}' and '{other}': give each class a "
                f"number of its own, from {first} to {first + len(pairs) - 1}{found.otherwise}"
            )
        if after != before + 1:
            missing = f"class {before + 1}" if after == before + 2 else "classes"
            raise NoLabels(
                f"has no {missing} between {before} '{one}' and {after} '{other}': number the "
                f"model's classes from {first} without a gap; where the model has a class "
                f"{before + 1} without a name, write one, such as 'unused'{found.otherwise}"
            )
    (lowest, name), (highest, last) = pairs[0], pairs[-1]
    if lowest != first:
        raise NoLabels(
            f"counts from {lowest} '{name}' to {highest} '{last}', and a model counts its classes "
            f"from 0: subtract {lowest} from each number, or, if the model has classes before "
            f"'{name}', such as a background, add their labels from 0 on{found.otherwise}"
        )


def _checked(name: str) -> str:
    """A label as it is shown, on one line. Raises NoLabels where it can't be shown."""
    if len(name) > MAX_LENGTH:
        raise NoLabels(
            f"has a label of {len(name)} characters, '{name[:40]}...': {MAX_LENGTH} are the most"
        )
    name = name.strip().strip("\u200b")
    if _UNSHOWN.search(name):
        name = " ".join(name.split())
    if _UNSHOWN.search(name):
        raise NoLabels(f"has a label with a character that can't be shown, {name[:40]!a}")
    return name
