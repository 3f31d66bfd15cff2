from __future__ import annotations

import importlib.util

import pytest

from edge_server import settings
from edge_server.commands.config import run as show_config
from edge_server.errors import SettingError
from edge_server.mqtt.broker import check, from_settings
from edge_server.services import build
from edge_server.settings import Settings


@pytest.mark.parametrize(
    ("address", "host", "port", "user", "password"),
    [
        ("mqtt://broker", "broker", 1883, None, None),
        ("mqtt://10.0.0.7:18831/", "10.0.0.7", 18831, None, None),
        ("mqtt://[fe80::1]", "fe80::1", 1883, None, None),
        ("mqtt://kiosk@broker", "broker", 1883, "kiosk", None),
        ("mqtt://kiosk:s%40c%2Fret@broker:1884", "broker", 1884, "kiosk", "s@c/ret"),
    ],
)
def test_an_address_says_where_and_as_whom(address, host, port, user, password):
    broker = from_settings(address, None, None)
    assert (broker.host, broker.port, broker.user, broker.password) == (host, port, user, password)
    assert broker.tls is None


def test_mqtts_is_encrypted_and_has_a_port_of_its_own():
    broker = from_settings("mqtts://broker", None, None)
    assert broker.port == 8883
    assert broker.tls is not None
    assert broker.tls.check_hostname


WRONG = [
    ("broker", "not understood"),
    ("http://broker", "not understood"),
    ("mqtt://", "not understood"),
    ("mqtt://broker:port", "not understood"),
    ("mqtt://broker:99999", "not understood"),
    ("mqtt://kiosk:hid/den@broker", "not understood"),
    ("mqtt://kiosk:hid@den@broker", "write it as %40"),
    ("mqtt://kiosk:hid#den@broker", "not understood|ends with its port"),
    ("mqtt://:hidden@broker", "without a user"),
    ("mqtt://broker/kiosk/door", "--mqtt-topic"),
]


@pytest.mark.parametrize(("address", "reason"), WRONG)
def test_what_is_no_address_is_refused_without_its_password(address, reason):
    with pytest.raises(SettingError, match=reason):
        check(address)
    with pytest.raises(SettingError) as caught:
        settings.read(["--mqtt", address], {})
    assert str(caught.value).startswith("--mqtt can't be used: ")
    assert "hid" not in str(caught.value)


def test_the_password_may_stand_in_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("s@c/ret\nnotes\n")
    broker = from_settings("mqtt://kiosk@broker", file, None)
    assert broker.password == "s@c/ret"
    assert "s@c" not in repr(broker)


@pytest.mark.parametrize(
    ("address", "content", "reason"),
    [
        ("mqtt://broker", "secret", "needs the user"),
        ("mqtt://kiosk:other@broker", "secret", "not both"),
        ("mqtt://kiosk@broker", "", "is empty"),
        ("mqtt://kiosk@broker", None, "can't be read"),
    ],
)
def test_a_password_file_that_is_of_no_use_is_told(tmp_path, address, content, reason):
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingError, match=reason):
        from_settings(address, file, None)


def test_an_authority_is_for_encrypted_connections_and_has_to_be_one(tmp_path):
    file = tmp_path / "ca.pem"
    with pytest.raises(SettingError, match="mqtts://HOST"):
        from_settings("mqtt://broker", None, file)
    with pytest.raises(SettingError, match="can't be used"):
        from_settings("mqtts://broker", None, file)
    file.write_text("no certificate")
    with pytest.raises(SettingError, match="can't be used"):
        from_settings("mqtts://broker", None, file)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_settings_are_shown_without_the_password(form, capsys, monkeypatch):
    monkeypatch.setenv("EDGE_MQTT", "mqtt://kiosk:hidden@broker:1884")
    assert show_config(form) == 0
    shown = capsys.readouterr().out
    assert "mqtt://***@broker:1884" in shown
    assert "hidden" not in shown


@pytest.mark.skipif(importlib.util.find_spec("paho") is not None, reason="paho-mqtt is installed")
def test_without_paho_the_user_is_told_how_to_get_it():
    with pytest.raises(SettingError, match=r"pip install -r edge_server/mqtt/requirements\.txt"):
        build(Settings(camera="demo", mqtt="mqtt://broker"))
