"""The pages' words: static/texts/LANGUAGE.json, a file a language. A new file is a new language."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from werkzeug.datastructures import LanguageAccept

from edge_server.logs import fields

_log = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parent.parent / "static" / "texts"
FALLBACK: Final = "en"

Texts = Mapping[str, str]


def read(folder: Path = FOLDER) -> dict[str, Texts]:
    """The texts by language. What a translation lacks is English; a broken one is left out."""
    found: dict[str, Texts] = {}
    for file in sorted(folder.glob("*.json")):
        try:
            texts = _parsed(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            if file.stem == FALLBACK:
                raise
            _log.warning("a translation is left out: %s", error, extra=fields(file=file.name))
        else:
            found[file.stem] = texts
    return {language: {**found[FALLBACK], **texts} for language, texts in found.items()}


def _parsed(text: str) -> Texts:
    texts = json.loads(text)
    if isinstance(texts, dict) and all(isinstance(value, str) for value in texts.values()):
        return texts
    raise ValueError("it is not one object of texts")


@cache
def languages() -> dict[str, Texts]:
    """The texts that came with this server."""
    return read()


def choose(known: Mapping[str, Texts], asked: str | None, accepted: LanguageAccept) -> str:
    """The language that is asked for by name, else the browser's first that there is, else English.

    Of de-AT the texts of de are taken where there are none of its own.
    """
    names = {language.lower(): language for language in known}
    for tag in [asked] if asked else accepted.values():
        wanted = tag.lower()
        for name in (wanted, wanted.partition("-")[0]):
            if name in names:
                return names[name]
    return FALLBACK
