"""The bytes of a label file become text, or it is said what the file is instead.

UTF-8 is expected. UTF-16 and Western European text are read where no other reading is possible.
"""

from __future__ import annotations

import re
from typing import Final

# Google's landmark classifiers have 100,000 labels in 3 MB.
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_LABELS: Final = 200_000
_AS_UTF8: Final = "save it as UTF-8 text (in Notepad: Save as, Encoding, UTF-8)"
_TEXT: Final = "give the labels as text, one on each line in the order of the classes, or as JSON"

# The first that fits counts; each sentence goes on after "The label file ...".
_KINDS: Final = tuple(
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (
            rb"\s*\{\\rtf",
            "is a document in Rich Text Format: save it as plain text (in TextEdit: Format, Make "
            "Plain Text)",
        ),
        (
            rb"PK\x03\x04|PK\x05\x06",
            "is a ZIP archive, or a document of Excel, Word or LibreOffice, which are such: unpack "
            "it, or save the table as CSV in UTF-8",
        ),
        (
            rb"\xd0\xcf\x11\xe0",
            "is an Excel or Word document: save the table as CSV in UTF-8",
        ),
        (
            rb"\x80[\x02-\x05]|\([dl]p\d+\r?\n|ccollections\nOrderedDict\n",
            "is a Python pickle, which can run code and is not opened: load it where it was made "
            "and write the labels with json.dump",
        ),
        (
            rb"\x93NUMPY",
            "is a NumPy array: load it and write array.tolist() with json.dump",
        ),
        (rb".{4}TFL3|\x89HDF\r\n", f"is a model: {_TEXT}"),
        (rb"%PDF-", f"is a PDF document: {_TEXT}"),
        (rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP", f"is a picture: {_TEXT}"),
        (
            rb"\x1f\x8b|BZh\d|7z\xbc\xaf|\xfd7zXZ|Rar!|\x28\xb5\x2f\xfd",
            "is compressed: unpack it and give the file inside",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*(<!--.{0,2000}?-->\s*)?<(?i:!doctype|html|head|body)\b",
            "is a web page: download the file itself (on GitHub by the button Raw)",
        ),
        (rb"(\xef\xbb\xbf)?\s*<\?xml\b", f"is XML: {_TEXT}"),
        (
            rb"version https://git-lfs\.",
            "is the pointer that Git LFS leaves in place of a file: fetch the file with git lfs "
            "pull",
        ),
    )
)
# The longest first, since the mark of UTF-32 begins with that of UTF-16.
_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROL: Final = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
# Typographic quotes, dashes and the ellipsis, which are the same in every Windows encoding.
_PUNCTUATION: Final = frozenset("‘’“”–—…°")
# Letters of the languages of Western Europe beside a to z.
_WESTERN: Final = frozenset("àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœ")
# Other languages, with what they have beside a to z.
_OTHERS: Final = (
    ("cp1250", "ąćęłńóśźż"),
    ("cp1250", "áäčďéěíĺľňóôŕřšťúůýž"),
    ("cp1250", "áéíóöőúüű"),
    ("cp1250", "čćđšž"),
    ("cp1250", "ăâîşţ"),
    ("cp1254", "çğıöşüâîû"),
    ("cp1257", "āčēģīķļņšūžąęėįųõäöü"),
)
_WORD: Final = re.compile(r"[^\W\d_]+")


class NoLabels(ValueError):
    """A file that no labels can be read from; the text goes on after "The label file ..."."""


def check_count(count: int) -> None:
    """Raises NoLabels where that is more labels than any model has classes."""
    if count > MAX_LABELS:
        raise NoLabels(f"has more than {MAX_LABELS} labels, which are the most")


def decode(data: bytes) -> str:
    """The text of a file. Raises NoLabels where it is something else, or its encoding is not
    certain."""
    if len(data) > MAX_BYTES:
        raise NoLabels(f"is larger than {MAX_BYTES // 2**20} MiB: give a file of labels alone")
    head = data[:4096]
    for pattern, sentence in _KINDS:
        if pattern.match(head):
            raise NoLabels(sentence)
    text = _decoded(data)
    if _CONTROL.search(text):
        raise NoLabels(f"holds binary data: {_TEXT}")
    if "\ufffd" in text:
        line = next(line for line in text.splitlines() if "\ufffd" in line).strip()[:60]
        raise NoLabels(f"has lost letters, as in '{line}': write it anew, as UTF-8")
    text = text.replace("\ufeff", "")
    if not text.strip():
        raise NoLabels("is empty: put one label on each line")
    return text


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                name = encoding.removesuffix("-sig").upper()
                raise NoLabels(f"begins as {name} but is damaged: {_AS_UTF8}") from error
    if b"\0" in data:
        return _utf16(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _western(data)


def _utf16(data: bytes) -> str:
    """UTF-16 without its mark, if it makes text in one order of the bytes and not in the other."""
    readings = []
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        plain = sum(character.isascii() for character in text)
        if not _CONTROL.search(text) and plain * 2 > len(text):
            readings.append(text)
    if len(readings) != 1:
        raise NoLabels(f"holds binary data: {_TEXT}")
    return readings[0]


def _western(data: bytes) -> str:
    """Text of one byte a letter in Windows-1252 (or Latin-1, a part of it), if it is sure to be.

    It is where its letters would be those of no single language of Central Europe or Turkey, or
    the same ones, if they were read in that language's encoding.
    """
    western = data.decode("cp1252", "replace")
    words = [word for word in _WORD.findall(western) if len(word) > 1 and not word.isascii()]
    others = {character.lower() for character in western if not character.isascii()}
    letters = {character for character in others if character.isalpha()}
    # Words of Cyrillic, Greek or Chinese text hold no Latin letter, or one by accident.
    if (
        letters <= _WESTERN
        and others - letters <= _PUNCTUATION
        and (words or not letters)
        and all(any(letter.isascii() for letter in word) for word in words)
        and not any(_fits(letters, *other) for other in _OTHERS)
    ):
        return western
    line = next(line for line in western.splitlines() if not line.isascii()).strip()[:60]
    raise NoLabels(
        f"is not UTF-8 text, and its encoding is not certain (one line could be '{line}'): "
        f"{_AS_UTF8}"
    )


def _fits(letters: set[str], encoding: str, alphabet: str) -> bool:
    """Whether the bytes of these letters are others of a language in its encoding."""
    others = {letter.encode("cp1252").decode(encoding, "replace") for letter in letters}
    return others != letters and others <= set(alphabet)
