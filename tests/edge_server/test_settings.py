from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edge_server import settings
from edge_server.errors import SettingError
from edge_server.settings import BUNDLED_MODEL, Settings


def test_without_anything_the_bundled_model_and_the_demo_camera_are_served():
    chosen = settings.read([], {})
    assert chosen == Settings()
    assert chosen.model_file == BUNDLED_MODEL
    assert chosen.model_file.is_file()
    assert chosen.camera_spec == "demo"


def test_nobody_else_can_reach_the_server_unless_asked_for():
    assert settings.read([], {}).host == "127.0.0.1"


def test_a_model_of_one_s_own_comes_without_the_demo_camera():
    assert settings.read(["--model", "m.tflite"], {}).camera_spec is None
    assert settings.read(["--model", "m.tflite", "--camera", "usb:0"], {}).camera_spec == "usb:0"


def test_none_is_no_camera():
    assert settings.read(["--camera", "none"], {}).camera_spec is None


def test_every_setting_is_an_option_and_an_environment_variable():
    help_text = settings.parser().format_help()
    for setting in dataclasses.fields(Settings):
        option = "--" + setting.name.replace("_", "-")
        assert option in help_text
        choices = setting.metadata.get("choices")
        text = choices[-1] if choices else "3" if setting.type in ("int", "float") else "x"
        by_option = settings.read([option, text], {})
        by_variable = settings.read([], {f"EDGE_{setting.name.upper()}": text})
        assert by_option == by_variable != Settings()


def test_types_are_those_of_the_fields():
    chosen = settings.read(["--model", "m.tflite", "--port", "0", "--timeout", "0.5"], {})
    assert chosen.model == Path("m.tflite")
    assert (chosen.port, chosen.timeout) == (0, 0.5)


def test_the_command_line_goes_before_the_environment():
    assert settings.read(["--port", "1"], {"EDGE_PORT": "2"}).port == 1


def test_an_empty_variable_is_no_setting():
    assert settings.read([], {"EDGE_PORT": "", "EDGE_MODEL": ""}) == Settings()


def test_a_wrong_variable_does_no_harm_where_an_option_is_given():
    assert settings.read(["--port", "1"], {"EDGE_PORT": "many"}).port == 1


@pytest.mark.parametrize("text", ["65536", "-1", "80.5", "http", "", "nan"])
def test_a_port_that_is_none_is_answered_with_the_range(text):
    with pytest.raises(SettingError, match=r"--port is .*: use a whole number from 0 to 65535\."):
        settings.read(["--port", text], {})


@pytest.mark.parametrize("text", ["0", "nan", "inf", "soon"])
def test_a_timeout_that_is_none_is_answered_with_the_range(text):
    with pytest.raises(SettingError, match=r"use a number from 0\.01 to 600"):
        settings.read(["--timeout", text], {})


def test_a_wrong_variable_is_named_as_the_user_wrote_it():
    with pytest.raises(SettingError, match="EDGE_MAX_BODY is 'big'") as caught:
        settings.read([], {"EDGE_MAX_BODY": "big"})
    assert caught.value.exit_status == 2


def test_a_wrong_choice_is_answered_with_the_choices():
    with pytest.raises(SettingError, match="--preprocessing is 'imagenet': use one of tf, unit"):
        settings.read(["--preprocessing", "imagenet"], {})


def test_an_unknown_option_ends_with_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        settings.read(["--colour", "red"], {})
    assert caught.value.code == 2
    assert "unrecognized arguments: --colour" in capsys.readouterr().err


def test_interpreters_and_threads_share_the_cores(monkeypatch):
    for cores, expected in ((1, (1, 1)), (2, (2, 1)), (4, (2, 2)), (8, (2, 4))):
        monkeypatch.setattr(settings, "_cores", lambda cores=cores: cores)
        chosen = Settings()
        assert (chosen.interpreter_count, chosen.thread_count) == expected


def test_interpreters_and_threads_are_as_asked_for():
    chosen = Settings(interpreters=3, threads=5)
    assert (chosen.interpreter_count, chosen.thread_count) == (3, 5)
