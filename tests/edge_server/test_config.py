"""`edge-server config`, as its user types it."""

from __future__ import annotations

import json
import re

import pytest

from edge_server import cli
from edge_server.configuration.declaration import declared
from edge_server.settings import Settings


@pytest.fixture
def config(monkeypatch, capsys):
    """Runs it; gives exit status, output and errors."""
    for setting in declared(Settings):
        monkeypatch.delenv(setting.variable, raising=False)

    def run(*words):
        status = cli.main(["config", *map(str, words)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def row(text, name):
    """The columns of a setting."""
    (line,) = (line for line in text.splitlines() if re.match(rf"{name} ", line))
    return re.split(r"\s{2,}", line)


def test_every_setting_stands_with_value_source_and_reason(config):
    status, text, _ = config()
    assert status == 0
    assert text.startswith("file: none (")
    for setting in declared(Settings):
        name, _, source, reason = row(text, setting.key)
        assert (name, source, reason) == (setting.key, "default", setting.reason)


def test_columns_are_aligned(config):
    _, text, _ = config("--title", "x" * 40)
    lines = text.splitlines()[2:]
    starts = [lines[0].index(word) for word in ("setting", "value", "source", "why")]
    for line in lines:
        assert all(line[start - 1] == " " and line[start] != " " for start in starts[1:])


def test_sources_are_named(config, tmp_path, monkeypatch):
    file = tmp_path / "edge.toml"
    file.write_text("queue = 5\nport = 1\n")
    monkeypatch.setenv("EDGE_VIEWERS", "3")
    _, text, _ = config("--config", file, "--port", 2)
    assert text.startswith(f"file: {file}\n")
    assert row(text, "queue")[1:3] == ["5", "file"]
    assert row(text, "viewers")[1:3] == ["3", "environment"]
    assert row(text, "port")[1:3] == ["2", "command line"]
    assert row(text, "port")[3].startswith("8080: ")  # what it would be


def test_json_has_the_same(config, tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("timeout = 3\n")
    _, text, _ = config("--json", "--config", file)
    document = json.loads(text)
    assert document["file"] == str(file)
    by_name = {entry["name"]: entry for entry in document["settings"]}
    assert list(by_name) == [setting.key for setting in declared(Settings)]
    entry = by_name["timeout"]
    assert (entry["value"], entry["source"], entry["default"]) == (3.0, "file", 10.0)
    assert entry["reason"]
    assert by_name["model"]["value"] is None


def test_it_fails_as_the_server_would_and_says_all(config):
    status, text, errors = config("--prot", 1, "--queue", -1, "--camera", "webcam")
    assert (status, text) == (2, "")
    assert len(errors.splitlines()) == 3
    assert all(line.startswith("edge-server: ") for line in errors.splitlines())


def test_credentials_are_not_shown(config):
    for form in ((), ("--json",)):
        _, text, _ = config("--title", "rtsp://me:secret@camera/1", *form)
        assert "secret" not in text
        assert "rtsp://***@camera/1" in text


def test_a_terminal_s_width_is_kept(config, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "90")
    _, text, _ = config()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 90
    assert any(line.startswith(" " * 20) for line in lines)  # a reason goes on in its column


def test_an_unknown_command_names_the_nearest(capsys):
    assert cli.main(["confg"]) == 2
    assert "no command 'confg': the nearest is config" in capsys.readouterr().err


def test_an_abbreviated_option_of_another_command_is_not_taken(capsys):
    assert cli.main(["selftest", "--js", "x.tflite"]) == 2
    assert "--js" in capsys.readouterr().err
