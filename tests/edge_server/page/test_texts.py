"""The pages' words: all of them in static/texts, the same keys in every language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from werkzeug.datastructures import LanguageAccept

from edge_server.page import texts

PACKAGE = Path(__file__).resolve().parents[3] / "edge_server"
TEMPLATES = ("kiosk.html", "page.html", "status.html", "waiting.html")
# /docs is in English, as what it describes.
SCRIPTS = [p for p in sorted((PACKAGE / "static").glob("*.js")) if p.name != "docs.js"]
LANGUAGES = {p.stem: json.loads(p.read_text()) for p in texts.FOLDER.glob("*.json")}
PLACEHOLDER = re.compile(r"\{\w+\}")


def words_of(language: str) -> dict[str, str]:
    return dict(LANGUAGES[language])


def test_english_and_german_come_with_it():
    assert {"en", "de"} <= set(texts.languages())


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_a_translation_has_the_same_keys_and_the_same_places_for_values(language):
    english, other = words_of("en"), words_of(language)
    assert list(other) == list(english)
    for key, text in english.items():
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(other[key])), key


def used_keys() -> set[str]:
    found: set[str] = set()
    for template in TEMPLATES:
        html = (PACKAGE / "templates" / template).read_text()
        found.update(re.findall(r"\bt\.(\w+)", html))
    for script in SCRIPTS:
        source = script.read_text()
        for call in re.findall(r"\bsay\(([^;]*?)[,)]", source):
            found.update(re.findall(r"'(\w+)'", call))
        # Keys that a table names.
        if script.name == "status_view.js":
            found.update(re.findall(r"\[?'(\w+)', ", source))
    return found


def test_every_text_that_is_used_is_there_and_every_one_that_is_there_is_used():
    english = words_of("en")
    made = re.compile(r"(error|state[A-Z]|camera_|reason_)\w*")  # by what the server says
    used = {key for key in used_keys() if key in english}
    assert {key for key in english if not made.fullmatch(key)} - used == set()
    for template in TEMPLATES:
        html = (PACKAGE / "templates" / template).read_text()
        assert set(re.findall(r"\bt\.(\w+)", html)) <= set(english), template


def test_every_state_that_the_server_may_name_has_its_word():
    from camera.state import CameraState
    from edge_server.board import _THROTTLED_BITS
    from edge_server.repository import State

    keys = {f"camera_{state.value}" for state in CameraState}
    keys |= {f"state{state.value}" for state in State}
    keys |= {f"reason_{reason}" for reason in _THROTTLED_BITS.values()}
    assert keys <= set(words_of("en"))


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_words_stand_in_a_template(template):
    html = (PACKAGE / "templates" / template).read_text()
    html = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", html, flags=re.DOTALL)
    for text in re.findall(r">([^<>]*)<", html):
        assert not re.search(r"[A-Za-z]{2}", text), text
    for text in re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', html):
        assert text == "", text


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_sentences_stand_in_a_script(script):
    source = re.sub(r"/\*.*?\*/|(?<![:'])//[^\n]*", "", script.read_text(), flags=re.DOTALL)
    source = re.sub(r"new Error\(`[^`]*`\)", "", source)  # for who develops the page
    for text in re.findall(r"'([^'\n]*)'|\"([^\"\n]*)\"", source):
        assert not re.search(r"[A-Z][a-z]+ [a-z]|[a-z] [a-z]+\.$", "".join(text)), text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ([("de-AT", 1), ("en", 0.5)], "de"),
        ([("fr", 1), ("de", 0.8)], "de"),
        ([("en-US", 1), ("de", 0.9)], "en"),
        ([("fr", 1)], "en"),
        ([], "en"),
    ],
)
def test_the_browser_s_first_language_that_there_is_is_taken(accepted, language):
    assert texts.choose(LANGUAGES, None, LanguageAccept(accepted)) == language


def test_the_address_may_name_the_language(digits_app):
    def language(path: str) -> str:
        html = digits_app.client.get(path, headers={"Accept-Language": "en"}).get_data(as_text=True)
        return re.search(r'<html lang="(\w+)"', html)[1]

    assert language("/?lang=de") == "de"
    assert language("/status?lang=de") == "de"
    assert language("/?lang=tlh") == "en"
    answer = digits_app.client.get("/")
    assert {"Accept-Language", "Accept"} <= set(answer.vary.to_header().split(", "))


def test_a_translation_is_one_file(tmp_path):
    for name in ("en", "de"):
        (tmp_path / f"{name}.json").write_bytes((texts.FOLDER / f"{name}.json").read_bytes())
    (tmp_path / "fr.json").write_text('{"tabDraw": "Dessiner"}')
    (tmp_path / "it.json").write_text('{"tabDraw": 3')
    (tmp_path / "es.json").write_text('["tabDraw"]')
    found = texts.read(tmp_path)
    assert set(found) == {"de", "en", "fr"}
    assert found["fr"]["tabDraw"] == "Dessiner"
    assert found["fr"]["tabCamera"] == words_of("en")["tabCamera"]


def test_the_scripts_get_the_same_words(digits_app):
    assert digits_app.client.get("/texts/de.json").json == words_of("de")
    assert digits_app.client.get("/texts/tlh.json").status_code == 404
    assert digits_app.client.get("/texts/../settings.json").status_code == 404
