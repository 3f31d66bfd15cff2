"""How a server begins with a directory of models: all, some, none of them good; empty; none."""

from __future__ import annotations

import shutil

import pytest
import requests

from edge_server.errors import SettingError
from edge_server.services import build
from edge_server.settings import Settings


def start(server, shelf, *arguments, **options):
    return server("--port", 0, "--models", shelf.root, "--models-poll", 0.1, *arguments, **options)


def said(process):
    return [line for line in process.log.splitlines() if line.startswith("edge-server: ")]


def test_models_answer_over_the_wire_by_name_and_version(server, shelf, paint, encode):
    shelf.write("cats", "1")
    shelf.write("cats", "2")
    shelf.write("dogs", "1")
    process = start(server, shelf, "--version-label", "cats:stable=1", "--default-model", "dogs")
    red = encode(paint(250, 10, 10))

    def ask(**query):
        answer = requests.post(process.url + "/predict", red, params=query, timeout=20)
        return answer.json().get("prediction") or answer.status_code

    assert ask() == "dogs-1 red"
    assert ask(model="cats") == "cats-2 red"
    assert ask(model="cats", version="1") == "cats-1 red"
    assert ask(version="2") == 404  # of dogs
    assert ask(model="birds") == 404
    assert requests.get(process.url + "/readyz", timeout=10).json()["model"]["name"] == "dogs"


def test_what_fails_at_start_is_said_and_shown_and_the_rest_is_served(server, shelf):
    shelf.write("cats", "1")
    (shelf.write("cats", "2") / "labels.txt").write_text("one\n")
    (shelf.write("dogs", "1") / "model.tflite").write_bytes(b"no model")
    process = start(server, shelf)
    status = requests.get(process.url + "/v1/models/cats", timeout=10).json()
    versions = {v["version"]: v for v in status["model_version_status"]}
    assert versions["1"]["state"] == "AVAILABLE"
    assert versions["2"]["state"] == "END"
    assert "has 1 label (one label a line)" in versions["2"]["status"]["error_message"]
    assert 'message="the version failed, it stays out" model=dogs version=1' in process.log
    metrics = requests.get(process.url + "/metrics", timeout=10).text
    assert "has 1 label (one label a line)" in metrics
    assert requests.get(process.url + "/readyz", timeout=10).status_code == 200


def test_where_none_can_be_loaded_it_ends_with_every_reason(server, shelf):
    (shelf.write("cats", "1") / "model.tflite").write_bytes(b"no model")
    (shelf.write("dogs", "1") / "labels.txt").write_text("one\n")
    process = start(server, shelf)
    assert process.end() == 2
    [sentence] = said(process)
    assert "None of the models can be loaded." in sentence
    assert "cats 1: " in sentence
    assert "dogs 1: " in sentence
    assert "Traceback" not in process.log


def test_an_empty_directory_is_served_as_not_ready_until_a_model_comes(
    server, shelf, until, paint, encode
):
    process = start(server, shelf)
    url = process.url
    assert requests.get(url + "/healthz", timeout=10).status_code == 200
    ready = requests.get(url + "/readyz", timeout=10)
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "There is no model in" in ready.json()["error"]
    red = encode(paint(250, 10, 10))
    answer = requests.post(url + "/predict", red, timeout=10)
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert requests.post(url + "/predict?model=cats", red, timeout=10).status_code == 404
    page = requests.get(url + "/", headers={"Accept": "text/html"}, timeout=10)
    assert page.status_code == 503
    assert "There is no model in" in page.text
    assert page.headers["Refresh"]
    shelf.write("cats", "1")
    until(lambda: requests.get(url + "/readyz", timeout=10).status_code == 200, 30)
    assert requests.post(url + "/predict", red, timeout=10).json()["prediction"] == "cats-1 red"


def test_a_directory_that_is_not_there_is_one_sentence(server, shelf):
    shutil.rmtree(shelf.root)
    process = start(server, shelf)
    assert process.end() == 2
    assert "can't be read (No such file or directory): make it" in said(process)[0]


def test_a_native_crash_of_the_only_model_is_one_sentence(server, bundled_model, tmp_path):
    """A file that passes every look at its bytes, and kills the runtime that loads it."""
    runtime = tmp_path / "sitecustomize.py"
    runtime.write_text(
        "import os, sys\n"
        "if 'edge_server.repository.trial' in sys.orig_argv:\n"
        "    os.kill(os.getpid(), 11)\n"
    )
    process = server(
        "--port",
        0,
        "--model",
        bundled_model,
        environment={
            "PYTHONPATH": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        },
    )
    assert process.end() == 2
    assert "which crashes with SIGSEGV" in said(process)[0]


def test_a_file_that_was_tried_before_is_not_tried_again(server, shelf, tmp_path):
    shelf.write("cats", "1")
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert start(server, shelf, environment=cache).url
    crash = tmp_path / "sitecustomize.py"
    crash.write_text("import sys\nassert 'edge_server.repository.trial' not in sys.orig_argv\n")
    assert start(server, shelf, environment=cache | {"PYTHONPATH": str(tmp_path)}).url


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"model": "m.tflite", "models": "d"}, "either --model FILE or --models DIR"),
        ({"models": "d", "preprocessing": "tf"}, "put labels.txt and model.toml beside"),
        ({"models": "d", "mean": "127.5"}, "put labels.txt and model.toml beside"),
        ({"pin": ("cats=1",)}, "give it with --models"),
        ({"default_model": "cats"}, "give it with --models"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong, sentence):
    with pytest.raises(SettingError, match=sentence):
        build(Settings(camera="none", **wrong))
