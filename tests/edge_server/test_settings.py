from __future__ import annotations

from pathlib import Path

import pytest

from edge_server import settings
from edge_server.configuration.declaration import Setting, ValueType, declared
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


EXAMPLES = {
    "camera": "usb:1",
    "colors": "accent=#0b6e4f",
    "cors": "https://example.org",
    "delegate_options": "device=usb",
    "logo": str(BUNDLED_MODEL.parents[1] / "static" / "icon.svg"),
    "min_confidence": "0.9",
    "mqtt": "mqtts://user@broker.example:8884",
    "pin": "cats=2",
    "region": "0.25,0,0.5,1",
    "version_label": "cats:stable=2",
}


def example(setting: Setting) -> str:
    """A text that is not the setting's default."""
    if setting.name in EXAMPLES:
        return EXAMPLES[setting.name]
    return setting.choices[-1] if setting.choices else "3"


@pytest.mark.parametrize("setting", declared(Settings), ids=lambda setting: setting.name)
def test_every_setting_is_an_option_a_variable_and_a_key(setting, tmp_path):
    text = example(setting)
    number = setting.type in (ValueType.WHOLE_NUMBER, ValueType.NUMBER)
    file = tmp_path / "settings.toml"
    written = text if number else repr(text)
    several = setting.type is ValueType.SEVERAL
    file.write_text(f"{setting.key} = {[text] if several else written}\n")
    assert setting.option in settings.parser().format_help()
    by_option = settings.read([setting.option, text], {})
    by_variable = settings.read([], {setting.variable: text})
    by_key = settings.read(["--config", str(file)], {})
    assert by_option == by_variable == by_key != Settings()


@pytest.mark.parametrize("setting", declared(Settings), ids=lambda setting: setting.name)
def test_every_setting_has_its_help_and_its_reason_in_one_line(setting):
    for text in (setting.help, setting.reason):
        assert len(text) > 10
        assert "\n" not in text
        assert not text.endswith(".")


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


def test_a_camera_that_is_unknown_is_a_wrong_setting():
    with pytest.raises(SettingError, match=r"--camera can't be used: .*'webcam'; use demo, "):
        settings.read(["--camera", "webcam"], {})


@pytest.mark.parametrize("option", ["--model", "--host", "--camera"])
def test_an_empty_option_is_no_path_and_no_address(option):
    with pytest.raises(SettingError, match=f"{option} is ''"):
        settings.read([option, ""], {})


def test_an_empty_title_is_one():
    assert settings.read(["--title", ""], {"EDGE_TITLE": "x"}).title == ""
