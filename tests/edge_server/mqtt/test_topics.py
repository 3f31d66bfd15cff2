from __future__ import annotations

import json
import re

import pytest
from jinja2 import Environment

from edge_server.errors import SettingError
from edge_server.mqtt import discovery
from edge_server.mqtt.topics import Topics, base, check, hostname

STATE = {"label": "7", "confidence": 0.9345, "sure": True}


def test_each_device_has_a_topic_of_its_own():
    assert base("") == f"edge-server/{hostname()}"
    assert base("kiosk/door/") == "kiosk/door"
    assert re.fullmatch(r"[\w.-]+", hostname())


@pytest.mark.parametrize("topic", ["a/+/b", "a/#", "/a", "$SYS/a", "a\nb", "a" * 201])
def test_what_is_no_topic_is_refused(topic):
    with pytest.raises(SettingError):
        check(topic)


@pytest.fixture(scope="module")
def announced():
    return discovery.messages("homeassistant", Topics("kiosk/door 7"), "Door")


def test_entities_are_announced_where_home_assistant_looks(announced):
    for topic, message in announced.items():
        prefix, kind, identifier, end = topic.split("/")
        assert (prefix, end) == ("homeassistant", "config")
        assert kind in ("sensor", "binary_sensor")
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", identifier)
        assert message["unique_id"] == identifier
        json.dumps(message)


def test_all_belong_to_one_device(announced):
    devices = [message["device"] for message in announced.values()]
    assert all(device == devices[0] for device in devices)
    assert devices[0]["name"] == "Door"
    assert devices[0]["identifiers"]


def entity(announced, end):
    return next(message for topic, message in announced.items() if topic.endswith(f"_{end}/config"))


@pytest.mark.parametrize(
    ("end", "state", "expected"),
    [
        ("prediction", STATE, "7"),
        ("prediction", STATE | {"sure": False}, "unsure"),
        ("confidence", STATE, "93.5"),
        ("confidence", STATE | {"confidence": 1.0}, "100.0"),
    ],
)
def test_the_templates_make_states_of_what_is_published(announced, end, state, expected):
    template = Environment(autoescape=True).from_string(entity(announced, end)["value_template"])
    assert template.render(value_json=state) == expected


def test_answers_are_unavailable_while_the_camera_says_why(announced):
    topics = Topics("kiosk/door 7")
    for end in ("prediction", "confidence"):
        assert entity(announced, end)["availability_topic"] == topics.availability
        assert entity(announced, end)["state_topic"] == topics.state
    camera = entity(announced, "camera")
    assert camera["state_topic"] == topics.availability
    assert camera["device_class"] == "connectivity"
    assert "availability_topic" not in camera
