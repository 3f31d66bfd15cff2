from __future__ import annotations

from pathlib import Path

import pytest

from edge_server.configuration import file
from edge_server.errors import SettingError


@pytest.mark.parametrize("key", ["warm-up", "warm_up"])
def test_a_key_has_dashes_or_underscores(key, read):
    assert read(file=f"{key} = false").settings.warm_up is False


def test_a_key_in_both_forms_is_there_twice(wrong):
    assert wrong(file="warm-up = true\nwarm_up = false") == [
        "F: warm-up stands there twice: keep one of them."
    ]


def test_values_have_the_types_of_their_settings(read):
    text = "port = 7\nwait = 2\neven = 4\nmodel = 'm.tflite'\ncolour = 'red'\nmetrics = true\n"
    chosen = read(file=text).settings
    assert (chosen.port, chosen.even, chosen.model) == (7, 4, Path("m.tflite"))
    assert (chosen.colour, chosen.metrics) == ("red", True)
    assert isinstance(chosen.wait, float)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("port = '7'", "port is a text ('7'): use a whole number from 0 to 100, without quotes."),
        ("port = true", "port is true: use a whole number from 0 to 100."),
        ("port = 7.0", "port is 7.0: use a whole number from 0 to 100."),
        ("port = 101", "port is 101: use a whole number from 0 to 100."),
        ("port = [7]", "port is an array ([7]): use a whole number from 0 to 100."),
        ("wait = nan", "wait is nan: use a number from 0.5 to 9."),
        ("wait = false", "wait is false: use a number from 0.5 to 9."),
        ("host = 7", "host is 7: give a text, in quotes."),
        ("host = ''", "host is '': give a text."),
        ("model = 2026-01-01", "model is a date or time (2026-01-01): give a path, in quotes."),
        ("colour = 'blue'", "colour is 'blue': use one of red, green."),
        ("metrics = 1", "metrics is 1: use true or false."),
        ("metrics = 'on'", "metrics is a text ('on'): use true or false, without quotes."),
        ("pin = 'a'", """pin is a text ('a'): use an array of texts, as in pin = ["a", "b"]."""),
        ("pin = [1]", """pin is an array ([1]): use an array of texts, as in pin = ["a", "b"]."""),
        ("even = 3", "even can't be used: it is odd: use an even number."),
        ("[port]\nx = 1", "port is a table ({'x': 1}): use a whole number from 0 to 100."),
        ("hosst = 'a'", "there is no setting 'hosst': the nearest setting is host."),
        ("[server]\nport = 1", "there is no table 'server': the nearest setting is host."),
        (r'"a\nb" = 1', r"there is no setting 'a\nb': the nearest setting is wait."),
    ],
)
def test_what_does_not_fit_is_a_sentence_with_file_and_key(line, sentence, wrong):
    (said,) = wrong(file=line)
    if "nearest" in sentence:  # which is nearest is tested elsewhere
        said, sentence = (text.partition(" the nearest")[0] for text in (said, sentence))
    assert said == f"F: {sentence}"


def test_without_a_name_there_is_no_file():
    assert file.find("") is None


def test_a_dash_means_if_it_exists(tmp_path, read, wrong):
    path = tmp_path / "maybe.toml"
    assert read([f"--config=-{path}"]).file is None
    assert read(variables={"EDGE_CONFIG": f"-{path}"}).settings.port == 80
    (sentence,) = wrong(["--config", str(path)])
    assert sentence.startswith(f"{path} can't be read (No such file or directory): ")
    path.write_text("port = 1")
    assert read(variables={"EDGE_CONFIG": f"-{path}"}).settings.port == 1


def test_the_option_goes_before_the_variable(tmp_path, read):
    path = tmp_path / "other.toml"
    path.write_text("port = 2")
    assert read(["--config", str(path)], file="port = 1").settings.port == 2
    assert read(["--config="], file="port = 1").settings.port == 80


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(SettingError, match=r"can't be read \(Is a directory\)"):
        file.load(tmp_path)


def test_a_file_in_another_encoding_says_what_is_needed(tmp_path):
    path = tmp_path / "x.toml"
    path.write_bytes("title = 'Größe'".encode("latin-1"))
    with pytest.raises(SettingError, match="not in UTF-8"):
        file.load(path)
