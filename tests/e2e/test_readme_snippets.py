"""The README's snippets under "Ask it", run as they stand there: bash, Python, a browser, YAML.

Only the address, and the token's place, are changed. The camera shows photo.jpg.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import yaml
from jinja2 import Environment, StrictUndefined
from PIL import Image

from camera.sources.demo import demo_digits, picture

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.split("\n## Ask it\n")[1].split("\n### ")[0]
ADDRESS = "http://localhost:8080"
TOKEN = "0123456789abcdef0123456789abcdef"
PHOTO, OTHER = "3", "7"


def snippets() -> list[tuple[str, str]]:
    """Language and text of each block that a reader would run against the server."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.DOTALL | re.MULTILINE)
    return [(kind, text) for kind, text in found if kind != "sh" or "curl" in text]


@dataclass(frozen=True)
class Reader:
    """Has photo.jpg and other.jpg in `folder`, and a server without and one with a token.

    `mapped` has a label map in JSON, in which class 3 is "digit 3".
    """

    folder: Path
    url: str
    guarded: str
    mapped: str

    def text(self, snippet: str) -> str:
        """With the address of the server that it is for."""
        url = self.guarded if "TOKEN" in snippet else self.url
        url = self.mapped if "b64encode" in snippet else url
        changed = snippet.replace(ADDRESS, url).replace("TOKEN", TOKEN)
        assert url in changed and "localhost:8080" not in changed
        return changed

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def answers(self, snippet: str) -> list[Any]:
        """What the curls of a snippet print, one JSON document after the other."""
        said, found = self.run("bash", "-ec", self.text(snippet)).strip(), []
        while said:
            document, end = json.JSONDecoder().raw_decode(said)
            found.append(document)
            said = said[end:].lstrip()
        return found


def await_camera(url: str) -> None:
    """Its first picture comes a little after the server's address."""
    end = time.monotonic() + 60
    while True:
        live = requests.get(f"{url}/camera/prediction", auth=("edge", TOKEN), timeout=30)
        if live.status_code == 200:
            return
        assert live.status_code == 503 and time.monotonic() < end, live.text
        time.sleep(0.2)


@pytest.fixture(scope="module")
def reader(run_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder, shown = tmp_path_factory.mktemp("reader"), tmp_path_factory.mktemp("shown")
    tiles, labels = demo_digits()
    noise = np.random.default_rng(0).integers(-12, 13, (1200, 1600, 3))
    for name, label in (("photo.jpg", PHOTO), ("other.jpg", OTHER)):
        pixels = Image.fromarray(picture(tiles, labels.index(label))).resize((1600, 1200))
        noisy = Image.fromarray(np.clip(np.asarray(pixels) + noise, 0, 255).astype(np.uint8))
        noisy.save(folder / name, quality=90)
        # As a phone's: longer than the 128 KiB that Linux allows one argument of a command.
        assert (folder / name).stat().st_size > 2 * 128 * 1024
    (shown / "photo.jpg").write_bytes((folder / "photo.jpg").read_bytes())
    tokens = folder / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    tokens.chmod(0o600)
    camera = ["--camera", f"folder:{shown}"]
    labels = folder / "label_map.json"
    labels.write_text(json.dumps({str(index): f"digit {index}" for index in range(10)}))
    with (
        run_server(camera) as server,
        run_server([*camera, "--token-file", tokens]) as guarded,
        run_server(["--camera", "none", "--labels", labels]) as mapped,
    ):
        for url in (server.url, guarded.url):
            await_camera(url)
        yield Reader(folder, server.url, guarded.url, mapped.url)


def one_picture(reader: Reader, snippet: str, _: Any) -> None:
    answers = reader.answers(snippet)
    assert [answer["prediction"] for answer in answers] == [PHOTO] * 4
    assert [len(answer["top_k"]) for answer in answers] == [5, 3, 5, 5]


def batch(reader: Reader, snippet: str, _: Any) -> None:
    (answer,) = reader.answers(snippet)
    assert answer["predictions"] == [PHOTO, OTHER]


def camera(reader: Reader, snippet: str, _: Any) -> None:
    (answer,) = reader.answers(snippet)
    assert (answer["prediction"], answer["camera"]["state"]) == (PHOTO, "live")
    with Image.open(reader.folder / "snapshot.jpg") as snapshot:
        assert snapshot.format == "JPEG"
    with (reader.folder / "snapshot.jpg").open("rb") as file:
        asked = requests.post(f"{reader.url}/predict", data=file, timeout=30)
    assert asked.json()["prediction"] == PHOTO


def with_token(reader: Reader, snippet: str, _: Any) -> None:
    assert [answer["prediction"] for answer in reader.answers(snippet)] == [PHOTO] * 2
    refused = reader.answers(snippet.replace("TOKEN", "x" + "TOKEN"))
    assert [set(answer) for answer in refused] == [{"error"}] * 2


def python_one(reader: Reader, snippet: str, _: Any) -> None:
    said = reader.run(sys.executable, "-c", reader.text(snippet))
    assert re.fullmatch(rf"{PHOTO} [01]\.\d+\n", said)
    # The text above it says what to add for a token.
    (header,) = re.findall(r"headers=\{.*?\}", SECTION)
    told = reader.text(snippet.replace("timeout=10", f"timeout=10, {header}"))
    assert reader.run(sys.executable, "-c", told) == said


def python_batch(reader: Reader, snippet: str, _: Any) -> None:
    said = reader.run(sys.executable, "-c", reader.text(snippet))
    assert re.fullmatch(rf"photo.jpg {PHOTO} [01]\.\d+\nother.jpg {OTHER} [01]\.\d+\n", said)


def python_tutorial(reader: Reader, snippet: str, _: Any) -> None:
    said = reader.run(sys.executable, "-c", reader.text(snippet))
    assert said == f"digit {PHOTO}\n['digit {PHOTO}', 'digit {OTHER}']\n"


def javascript(reader: Reader, snippet: str, browser: Callable[[], Any]) -> None:
    page = browser()
    page.goto(f"{reader.url}/docs")
    page.set_input_files("input[type=file]", reader.folder / "photo.jpg")
    with page.expect_console_message() as said:
        page.evaluate("async () => {" + reader.text(snippet) + "}")
    assert re.fullmatch(rf"{PHOTO} [01]\.\d+", said.value.text)
    assert page.console_errors == []


def home_assistant(reader: Reader, snippet: str, _: Any) -> None:
    assert "    # headers:" in snippet
    guarded = reader.text(snippet.replace("# headers:", "headers:"))
    unguarded = reader.text(re.sub(r" *# headers.*\n", "", snippet))
    for text in (unguarded, guarded):
        (sensor,) = yaml.safe_load(text)["sensor"]
        assert set(sensor) <= {
            *("platform", "name", "resource", "scan_interval", "value_template"),
            *("json_attributes", "headers"),
        }
        assert (sensor["platform"], "headers" in sensor) == ("rest", text is guarded)
        answer = requests.get(sensor["resource"], headers=sensor.get("headers"), timeout=30)
        answer.raise_for_status()
        template = Environment(undefined=StrictUndefined).from_string(sensor["value_template"])
        assert template.render(value_json=answer.json()) == PHOTO
        assert set(sensor["json_attributes"]) <= set(answer.json())


# Each by words that stand in it alone.
CHECKS: dict[tuple[str, str], Callable[[Reader, str, Any], None]] = {
    ("sh", "?top_k="): one_picture,
    ("sh", "-F images="): batch,
    ("sh", "snapshot.jpg"): camera,
    ("sh", "TOKEN"): with_token,
    ("python", "data=photo"): python_one,
    ("python", "files=files"): python_batch,
    ("python", "b64encode"): python_tutorial,
    ("js", "fetch("): javascript,
    ("yaml", "platform: rest"): home_assistant,
}


def matching(kind: str, words: str) -> list[str]:
    return [text for language, text in snippets() if language == kind and words in text]


def test_every_snippet_is_run_by_one_check() -> None:
    # The sample answer is the one JSON block.
    languages = [kind for kind, _ in snippets() if kind != "json"]
    assert sorted(languages) == sorted(kind for kind, _ in CHECKS)
    covered = [text for check in CHECKS for text in matching(*check)]
    assert sorted(covered) == sorted(text for kind, text in snippets() if kind != "json")
    # Without a language a block would escape.
    assert len(re.findall(r"^```", SECTION, re.MULTILINE)) == 2 * len(
        re.findall(r"^```\w+$", SECTION, re.MULTILINE)
    )


@pytest.mark.parametrize(("kind", "words"), CHECKS)
def test_snippet(kind: str, words: str, reader: Reader, request: pytest.FixtureRequest) -> None:
    (text,) = matching(kind, words)
    CHECKS[kind, words](reader, text, lambda: request.getfixturevalue("chromium_page"))


def test_home_assistants_camera_form_is_filled_in_rightly(reader: Reader) -> None:
    """As its MJPEG integration tries the form: GET of both, with Basic if there is a password."""
    (stream,) = re.findall(r"\*MJPEG URL\* is `(.*?)`", SECTION)
    (still,) = re.findall(r"\*Still Image URL\* `(.*?)`", SECTION)
    (user,) = re.findall(r"\*Username\* is `(.*?)`", SECTION)
    for url, auth in ((reader.url, None), (reader.guarded, (user, TOKEN))):
        for address, media in ((stream, "multipart/x-mixed-replace"), (still, "image/jpeg")):
            place = address.replace(ADDRESS, url)
            with requests.get(place, auth=auth, stream=True, timeout=10) as answer:
                assert answer.status_code == 200
                assert answer.headers["Content-Type"].startswith(media)
    assert requests.get(still.replace(ADDRESS, reader.guarded), timeout=10).status_code == 401
