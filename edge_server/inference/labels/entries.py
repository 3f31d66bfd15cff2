"""What a label file says, entry by entry: a name, and the number of its class where it has one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edge_server.inference.labels.literals import DEEPEST, Map, Value, unquoted
from edge_server.inference.labels.text import NoLabels, check_count

# Names of keys and columns, in small letters without anything but letters and digits.
NUMBER_KEYS: Final = (
    *("id", "index", "idx", "classid", "classindex", "classidx", "labelid", "labelindex"),
    *("labelidx", "categoryid", "number", "no", "nr", "classno", "classnumber", "key"),
    *("class", "label", "category", "target"),
)
NAME_KEYS: Final = (
    *("displayname", "name", "label", "labelname", "classname", "class", "category"),
    *("categoryname", "signname", "title", "text", "description", "value"),
)
_HOLDERS: Final = frozenset(
    (
        *(
            "names",
            "labels",
            "label",
            "classes",
            "classnames",
            "labelnames",
            "classlabels",
            "categories",
        ),
        *("id2label", "label2id", "idx2label", "label2idx", "index2label", "labelmap"),
        *("classindices", "classtoidx", "class2idx", "idxtoclass", "idx2class", "indextoclass"),
        *("classmap", "classindex", "categoryindex", "int2str", "str2int", "labelmapping"),
    )
)
_SYNSET: Final = re.compile(r"n[0-9]{8}")
_DEEPEST: Final = 4
BOTH_NUMBERS: Final = (
    "pairs numbers with numbers, and both could be the classes: write the names in quotes in "
    'JSON, as {"0": "7", "1": "3"}'
)
_TO_WRITE: Final = 'write {"0": "first label", "1": "second label"} or ["first label", "second"]'


@dataclass(frozen=True)
class Entry:
    """One label. `number` is None where only its place in the file says which class it is of."""

    name: str
    number: int | None = None


@dataclass(frozen=True)
class Entries:
    """All that a file says, in its order. `form` names the format.

    `background` where the format leaves number 0 to a class that it does not name. `otherwise`
    says what else to write where the numbers are no classes; it ends a sentence.
    """

    form: str
    entries: tuple[Entry, ...]
    background: bool = False
    otherwise: str = ""


def simple(word: str) -> str:
    """A key or a column's heading as it stands in NUMBER_KEYS and NAME_KEYS."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def index(value: Any) -> int | None:
    """The number that a key or value is, in quotes or not; None where it is none."""
    # 1.0 is how pandas writes a whole number beside missing ones.
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}(\.0)?\s*", value):
        return int(float(value))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def of_value(value: Value, form: str, depth: int = 0) -> Entries:
    """The entries of a list or a map, wherever in a document they stand. Raises NoLabels."""
    if depth > _DEEPEST:
        raise NoLabels(f"has its labels more than {_DEEPEST} levels deep: {_TO_WRITE}")
    if not isinstance(value, (list, Map)):
        raise NoLabels(f"holds neither a list nor a map of labels: {_TO_WRITE}")
    count = len(value) if isinstance(value, list) else len(value.pairs)
    check_count(count)
    if not count:
        raise NoLabels(f"holds no labels: {_TO_WRITE}")
    if isinstance(value, list):
        return _of_list(value, form, depth)
    keys, values = [k for k, _ in value.pairs], [v for _, v in value.pairs]
    if not any(isinstance(one, (list, Map)) for one in values):
        return _of_scalars(keys, values, form)
    if all(index(key) is not None for key in keys):
        return _numbered(form + ", index to name", ((index(k), v) for k, v in value.pairs))
    numbers = list(map(_number, values))
    if None not in numbers:
        return _numbered(form + ", name to index", zip(numbers, keys, strict=True))
    return _of_holder(value, form, depth)


def _of_holder(holder: Map, form: str, depth: int) -> Entries:
    """The entries under the one key that holds labels."""
    nested = [
        (k, v) for k, v in holder.pairs if isinstance(v, (list, Map)) and v not in ([], Map(()))
    ]
    known = [v for k, v in nested if isinstance(k, str) and simple(k) in _HOLDERS]
    if not known and len(nested) == 1:
        known = [nested[0][1]]
    if not known:
        listed = ", ".join(f"'{k}'" for k, _ in nested[:5])
        raise NoLabels(f"holds several lists ({listed}): leave only that of the labels, as 'names'")
    found = [of_value(one, form, depth + 1) for one in known]
    if any(_by_number(one) != _by_number(found[0]) for one in found[1:]):
        raise NoLabels("holds several lists of labels that differ: leave only one of them")
    return found[0]


def _by_number(found: Entries) -> list[tuple[int, str]]:
    return sorted(
        (place if entry.number is None else entry.number, entry.name)
        for place, entry in enumerate(found.entries)
    )


def _of_scalars(keys: Sequence[Any], values: Sequence[Any], form: str) -> Entries:
    """A flat map: one side of it are the numbers."""
    by_key, by_value = list(map(index, keys)), list(map(index, values))
    if None in by_key and None in by_value:
        raise NoLabels(
            f"is a map in which '{keys[by_key.index(None)]}' is no number, and neither are all "
            f"values: {_TO_WRITE}"
        )
    if None in by_key or (None not in by_value and _counts(keys, values)):
        return _numbered(form + ", name to index", zip(by_value, keys, strict=True))
    return _numbered(form + ", index to name", zip(by_key, values, strict=True))


def _counts(names: Sequence[Any], numbers: Sequence[Any]) -> bool:
    """Whether, of pairs of two numbers, the second is the class and the first its name.

    A number in quotes beside one without is a name; Keras' class_indices of folders that are named
    by numbers is such a map. Raises NoLabels where both could be the classes.
    """
    if all(isinstance(number, str) for number in numbers):
        return False
    every = set(range(len(names)))
    fit = [set(map(index, side)) == every for side in (names, numbers)]
    if all(isinstance(name, str) for name in names):
        return fit[1] or not fit[0]
    back = dict(zip(map(index, names), map(index, numbers), strict=True))
    if all(fit) and any(
        back[number] != name for name, number in back.items() if number is not None
    ):
        raise NoLabels(BOTH_NUMBERS)
    return not fit[0]


def _of_list(values: Sequence[Value], form: str, depth: int) -> Entries:
    if all(isinstance(one, Map) for one in values):
        return _of_maps(values, form, depth)
    pairs = [one for one in values if isinstance(one, list) and len(one) == 2]
    if len(pairs) == len(values):
        for number, name in ((0, 1), (1, 0)):
            if all(index(pair[number]) is not None for pair in pairs):
                numbered = [(index(pair[number]), pair[name]) for pair in pairs]
                return _numbered(form + ", pairs of index and name", numbered)
    names = (_name(value, place) for place, value in enumerate(values))
    return Entries(form + ", list", tuple(map(Entry, names)))


def _of_maps(values: Sequence[Any], form: str, depth: int) -> Entries:
    """A list of objects with a name, and an index or none, or of maps of one pair each."""
    if all(len(one.pairs) == 1 for one in values):
        pair = [one.pairs[0] for one in values]
        if len({simple(str(key)) for key, _ in pair}) > 1 or len(pair) == 1:
            return of_value(Map(tuple(pair)), form, depth + 1)
    names = [_named(one) for one in values]
    if None in names:
        raise NoLabels(
            f"is a list of objects, but number {names.index(None)} (from 0) has no 'name': give "
            "each a 'name', and an 'id' from 0"
        )
    numbers = [_number(one) for one in values]
    if None in numbers and any(number is not None for number in numbers):
        raise NoLabels(
            f"is a list of objects, but '{names[numbers.index(None)]}' has no 'id', and others "
            "have: give each one, from 0 on, or none"
        )
    if None in numbers:
        named = (_name(value, place) for place, value in enumerate(names))
        return Entries(form + ", list of objects", tuple(map(Entry, named)))
    return _numbered(form + ", list of objects", zip(numbers, names, strict=True))


def _number(value: Any) -> int | None:
    """The class that an object says it is."""
    found = (index(field) for field in _fields(value, NUMBER_KEYS))
    return next((number for number in found if number is not None), None)


def _named(value: Any) -> Any:
    """The name in an object, text rather than a number."""
    found = _fields(value, NAME_KEYS)
    return next((one for one in found if index(one) is None), next(iter(found), None))


def _fields(value: Any, names: Iterable[str]) -> list[Any]:
    """What stands under these keys of an object, in the order of the names."""
    if not isinstance(value, Map):
        return []
    known = {simple(key): one for key, one in reversed(value.pairs) if isinstance(key, str)}
    return [known[name] for name in names if name in known]


def _numbered(form: str, pairs: Iterable[tuple[int | None, Any]]) -> Entries:
    return Entries(form, tuple(Entry(_name(v, n or 0), n) for n, v in pairs))


def _name(value: Any, number: int) -> str:
    """A label's text. A WordNet number before it, as in ImageNet's class index, is left out."""
    if isinstance(value, Map):
        value = _named(value)
    if isinstance(value, list):
        strings = [one for one in value if isinstance(one, str)]
        if len(strings) == len(value) == 1:
            value = strings[0]
        elif len(strings) == len(value) == 2 and _SYNSET.fullmatch(strings[0]):
            value = strings[1]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise NoLabels(f"has no text for class {number}: write its label there, in quotes")
    return value


_PBTXT: Final = re.compile(
    r"""\s*(?:(?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<word>[^\s{}:,;"'\#]+)
      | (?P<mark>[{}:,;]) | (?P<wrong>\S))""",
    re.VERBOSE,
)
PBTXT: Final = re.compile(r"\s*item\s*:?\s*\{")


def of_pbtxt(text: str) -> Entries:
    """TensorFlow's label map: `item { id: 1 name: "cat" }`, whose 0 is the background.

    Raises NoLabels.
    """
    entries: list[Entry] = []
    fields: dict[str, str] = {}
    depth, key = 0, ""
    for found in _PBTXT.finditer(text):
        kind, token = found.lastgroup, found[found.lastgroup or 0]
        if token == "{" and kind == "mark":
            depth, fields = depth + 1, {} if depth == 0 else fields
        elif token == "}" and kind == "mark":
            depth -= 1
            if depth == 0:
                entries.append(_item(fields, len(entries)))
                check_count(len(entries))
        elif kind == "wrong" or not 0 <= depth <= DEEPEST:
            raise NoLabels(
                f"begins as a label map of TensorFlow, but has '{token}' in a wrong place"
            )
        elif kind in ("string", "word"):
            value = unquoted(token) if kind == "string" else token
            if depth == 1 and key:
                fields.setdefault(key, value)
            key = value if kind == "word" and not key and depth == 1 else ""
        if token == "{":
            key = ""
    if depth != 0:
        raise NoLabels("begins as a label map of TensorFlow, but an item in it is not closed")
    lowest = min(entry.number or 0 for entry in entries)
    return Entries("TensorFlow label map", tuple(entries), background=lowest == 1)


def _item(fields: dict[str, str], place: int) -> Entry:
    number, name = index(fields.get("id")), fields.get("display_name") or fields.get("name")
    if number is None or name is None:
        raise NoLabels(
            f"is a label map of TensorFlow, but item {place + 1} lacks its id or its name: write "
            "item { id: 1 name: 'label' }"
        )
    return Entry(name, number)
