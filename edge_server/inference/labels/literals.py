"""Text in brackets becomes lists, maps and scalars: JSON, and literals of Python and JavaScript.

No part of the text is run.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from edge_server.inference.labels.text import NoLabels, check_count

DEEPEST: Final = 20
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<comment>\#[^\n]*|//[^\n]*)
      | [uU]?(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<mark>[{}\[\]():,;])
      | (?P<bare>[^\s"'{}\[\](),:;][^{}\[\](),:;\n]*)
      | (?P<wrong>\S)
    )""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0"}
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}
_INTEGER: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Bare:
    """A word without quotes, which in JSON is none: true, null, 1.5."""

    text: str


@dataclass(frozen=True)
class Map:
    """The pairs of a map in their order; a key may stand there twice."""

    pairs: tuple[tuple[Any, Any], ...]


# A list, a Map, an integer without quotes, text in quotes, or another word without them.
Value: TypeAlias = "list[Any] | Map | int | str | Bare"


def brackets(text: str) -> tuple[Value, str]:
    """The value that a text in brackets holds, and the name of its format.

    Several maps one after the other (JSON Lines) are a list of them. Raises NoLabels.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: Map(tuple(pairs)),
            parse_int=whole,
            parse_float=Bare,
            parse_constant=Bare,
        )
    except (ValueError, RecursionError):
        return Reader(text).read(), "near to JSON"
    return value, "JSON"


def whole(word: str) -> int | Bare:
    """The number that a word is, if it is one that counts."""
    return int(word) if _INTEGER.fullmatch(word) else Bare(word)


def unquoted(text: str) -> str:
    """What a text in quotes stands for, with its escapes resolved."""

    def one(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else _ESCAPED.get(found[3], found[3])

    plain = _ESCAPE.sub(one, text[1:-1])
    # Characters beyond the first 65536 are escaped as two halves.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Reader:
    """Reads a text in brackets token by token, once."""

    # The tokens of the syntax, and how an error begins.
    tokens, called = _TOKEN, "begins as JSON"

    def __init__(self, text: str) -> None:
        self._text, self._end = text, 0
        self._kind: str | None = None
        self._token = ""
        self._next()

    def read(self) -> Value:
        values = [self._value(0)]
        while self._token in (",", ";") and self._kind == "mark":
            self._next()
        while self._kind is not None:
            if not (isinstance(values[0], Map) and self._token == "{"):
                raise self._wrong(f"goes on with {self._shown()} where its list has ended")
            values.append(self._value(0))
        return values[0] if len(values) == 1 else values

    def _next(self) -> None:
        self._kind = "comment"
        while self._kind == "comment":
            found = self.tokens.match(self._text, self._end)
            if found is None:
                self._kind, self._token = None, ""
                return
            self._kind, self._end = found.lastgroup, found.end()
            assert self._kind is not None
            self._token = found[self._kind]

    def _value(self, depth: int) -> Value:
        kind, token = self._kind, self._token
        if depth > DEEPEST:
            raise NoLabels(f"is nested more than {DEEPEST} brackets deep")
        if kind == "mark" and token in _CLOSING:
            self._next()
            return self._map(depth) if token == "{" else self._list(_CLOSING[token], depth)
        if kind not in ("string", "bare"):
            raise self._wrong(f"has {self._shown()} where a label should be")
        self._next()
        return self.scalar(kind, token.strip())

    def scalar(self, kind: str, token: str) -> Value:
        """What a string in its quotes or a word without them stands for."""
        return unquoted(token) if kind == "string" else _named(token)

    def _list(self, closing: str, depth: int) -> Value:
        values: list[Value] = []
        while self._token != closing or self._kind != "mark":
            values.append(self._value(depth + 1))
            check_count(len(values))
            self._separate(closing)
        self._next()
        return values

    def _map(self, depth: int) -> Value:
        pairs: list[tuple[Value, Value]] = []
        while self._token != "}" or self._kind != "mark":
            key = self._value(depth + 1)
            if self._token != ":":
                raise self._wrong(
                    f"has {self._shown()} where a colon should be: an entry in curly brackets is "
                    "a number, a colon and a label"
                )
            self._next()
            pairs.append((key, self._value(depth + 1)))
            check_count(len(pairs))
            self._separate("}")
        self._next()
        return Map(tuple(pairs))

    def _separate(self, closing: str) -> None:
        if self._kind == "mark" and self._token == ",":
            self._next()
        elif not (self._kind == "mark" and self._token == closing):
            raise self._wrong(f"has {self._shown()} where a comma or '{closing}' should be")

    def _shown(self) -> str:
        return f"'{self._token.strip()[:40]}'" if self._kind else "nothing"

    def _wrong(self, what: str) -> NoLabels:
        line = self._text.count("\n", 0, self._end) + 1
        return NoLabels(f"{self.called}, but {what}, in line {line}: mend it there")


def _named(word: str) -> Value:
    """A word without quotes; what JSON and Python have for numbers and nothing is no text."""
    special = ("true", "false", "null", "none", "nan", "infinity", "-infinity")
    if word.lower() in special or re.fullmatch(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?", word):
        return whole(word)
    return word
