from __future__ import annotations

import pytest

from edge_server.errors import SettingError
from edge_server.repository import rules


def test_pins_and_labels_are_read():
    assert rules.parse_pins(("cats=12", "my dogs=3")) == {"cats": 12, "my dogs": 3}
    assert rules.parse_labels(("cats:stable=1", "cats:canary=2", "dogs:stable=1")) == {
        "cats": {"stable": 1, "canary": 2},
        "dogs": {"stable": 1},
    }


@pytest.mark.parametrize("text", ["cats", "cats=", "=1", "cats=v1", "cats=-1", "a:b=1"])
def test_what_is_no_pin_is_refused(text):
    with pytest.raises(SettingError, match="use NAME=VERSION"):
        rules.parse_pins((text,))


@pytest.mark.parametrize("text", ["cats=1", "cats:=1", ":a=1", "cats:a", "cats:a=b", "a:b:c=1"])
def test_what_is_no_label_is_refused(text):
    with pytest.raises(SettingError, match="use NAME:LABEL=VERSION"):
        rules.parse_labels((text,))


def test_the_same_thing_twice_is_refused():
    with pytest.raises(SettingError, match="once for each model"):
        rules.parse_pins(("cats=1", "cats=2"))
    with pytest.raises(SettingError, match="once for each label"):
        rules.parse_labels(("cats:a=1", "cats:a=2"))
