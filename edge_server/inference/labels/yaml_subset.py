"""What of YAML a list of labels is written in: nested maps, lists, and plain or quoted scalars.

Anchors, tags and blocks of text are refused by line. Maps and lists in brackets are YAML's too.
"""

from __future__ import annotations

import re
from typing import Final

from edge_server.inference.labels.literals import DEEPEST, Bare, Map, Reader, Value, unquoted, whole
from edge_server.inference.labels.text import NoLabels

# Words hold more signs than in JSON, and a quote in single quotes is doubled.
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
      | (?P<mark>[{}\[\],]|:(?=[\s,\]}]|$))
      | (?P<bare>[^\s"'{}\[\],&*!|>%@`](?:[^{}\[\],:\s]|:(?=[^\s,\]}])|[ ](?!\#))*)
      | (?P<wrong>\S)
    )""",
    re.VERBOSE,
)
_KEY: Final = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{}&*!|>%@`#,-][^:#]*|-[^\s:][^:#]*)\s*:(?:\s+|$)"""
)
_QUOTED: Final = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'")


def read(text: str) -> Value:
    """The value of a text that is indented as YAML. Raises NoLabels."""
    return _Lines(text).read()


class _Lines:
    """Reads the blocks of a YAML text line by line, once."""

    def __init__(self, text: str) -> None:
        self._lines: list[tuple[int, str, int]] = []
        self._at = 0
        for number, line in enumerate(text.splitlines(), 1):
            content = line.strip()
            if content == "..." or (content == "---" and self._lines):
                break
            if content and not content.startswith(("#", "%")) and content != "---":
                before = line[: len(line) - len(line.lstrip())]
                if "\t" in before:
                    raise NoLabels(f"is indented by a tab in line {number}: use spaces")
                self._lines.append((len(before), content, number))

    def read(self) -> Value:
        if not self._lines:
            return []
        value = self._block(0)
        if self._at < len(self._lines):
            raise self._wrong("is indented otherwise than the lines before it")
        return value

    def _wrong(self, what: str) -> NoLabels:
        _, content, number = self._lines[min(self._at, len(self._lines) - 1)]
        return NoLabels(f"looks like YAML, but line {number} ('{content[:40]}') {what}")

    def _block(self, depth: int) -> Value:
        if depth > DEEPEST:
            raise NoLabels(f"is nested more than {DEEPEST} levels deep")
        indent, content, _ = self._lines[self._at]
        if content == "-" or content.startswith("- "):
            return self._list(indent, depth)
        return self._map(indent, depth)

    def _list(self, indent: int, depth: int) -> Value:
        values: list[Value] = []
        while self._at < len(self._lines):
            own, content, number = self._lines[self._at]
            if own != indent or not (content == "-" or content.startswith("- ")):
                break
            rest = content[1:].lstrip()
            inner = indent + len(content) - len(rest)
            if _KEY.match(rest) or rest.startswith("- "):
                # The first line of a block stands behind the dash.
                self._lines[self._at] = (inner, rest, number)
                values.append(self._block(depth + 1))
            else:
                values.append(self._inline(rest, indent, depth))
        return values

    def _map(self, indent: int, depth: int) -> Value:
        pairs: list[tuple[Value, Value]] = []
        while self._at < len(self._lines):
            own, content, _ = self._lines[self._at]
            if own != indent:
                break
            found = _KEY.match(content)
            if found is None:
                raise self._wrong("is neither 'key: value' nor '- value'")
            key = self._plain(found[1])
            pairs.append((key, self._inline(content[found.end() :], indent, depth)))
        return Map(tuple(pairs))

    def _inline(self, rest: str, indent: int, depth: int) -> Value:
        """What stands behind a key or a dash: on the same line, or as a block below it."""
        rest = "" if rest.startswith("#") else rest
        if rest.startswith(("[", "{")):
            return self._flow(rest)
        if rest.startswith(("|", ">", "&", "*", "!", "%", "@", "`")):
            raise self._wrong("uses a part of YAML that is not read here: write a list or a map")
        self._at += 1
        below = self._lines[self._at] if self._at < len(self._lines) else (-1, "", 0)
        if not rest and (below[0] > indent or (below[0] == indent and below[1].startswith("- "))):
            return self._block(depth + 1)
        if not rest:
            return Bare("null")
        parts = [rest]
        while self._at < len(self._lines) and self._lines[self._at][0] > indent:
            more = self._lines[self._at][1]
            if _KEY.match(more) or more.startswith("- "):
                raise self._wrong("is indented otherwise than the lines before it")
            parts.append(more)
            self._at += 1
        return self._plain(" ".join(parts))

    def _flow(self, rest: str) -> Value:
        """A list or map in brackets, which may go on over several lines."""
        parts, open_brackets = [], 0
        while True:
            parts.append(rest)
            bare = re.sub(r"(?<=[\s\[{,])(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*')", "", rest)
            open_brackets += sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")
            self._at += 1
            if open_brackets <= 0 or self._at >= len(self._lines):
                return _Flow("\n".join(parts)).read()
            rest = self._lines[self._at][1]

    def _plain(self, text: str) -> Value:
        found = _QUOTED.match(text)
        if found is None:
            if text.startswith(('"', "'")):
                raise self._wrong("lacks a closing quote")
            return _scalar(re.split(r"\s#", text, maxsplit=1)[0].strip())
        if not re.fullmatch(r"\s*(?:#.*)?", text[found.end() :]):
            raise self._wrong("goes on behind its closing quote")
        return _scalar(found[0])


class _Flow(Reader):
    """Reads a list or a map in brackets."""

    tokens, called = _TOKEN, "looks like YAML"

    def scalar(self, kind: str, token: str) -> Value:
        parts = [token]
        while kind == self._kind == "bare":  # a line that was broken
            parts.append(self._token.strip())
            self._next()
        return _scalar(" ".join(parts))


def _scalar(text: str) -> Value:
    """A word of YAML: `no` and `1.5` are names too, where a label was meant."""
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith('"'):
        return unquoted(text)
    word = whole(text)
    return word if isinstance(word, int) else text
