"""What Home Assistant is told, so that the device and its sensors are there by themselves.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

from typing import Any, Final

from edge_server import __version__
from edge_server.mqtt.topics import Topics
from edge_server.wire.mqtt import OFFLINE, ONLINE

OFF: Final = "none"


def messages(prefix: str, topics: Topics, name: str) -> dict[str, dict[str, Any]]:
    """The configuration of each entity by its topic; `name` is the device's, for people."""
    device = {
        "identifiers": [topics.identifier],
        "name": name,
        "model": "edge-server",
        "sw_version": __version__,
    }
    shared = {"device": device, "origin": {"name": "edge-server", "sw_version": __version__}}
    of_answers = {
        "state_topic": topics.state,
        "availability_topic": topics.availability,
        "payload_available": ONLINE,
        "payload_not_available": OFFLINE,
    }
    entities: dict[tuple[str, str], dict[str, Any]] = {
        ("sensor", "prediction"): {
            "name": "Prediction",
            "icon": "mdi:eye",
            "value_template": "{{ value_json.label if value_json.sure else 'unsure' }}",
            "json_attributes_topic": topics.state,
            **of_answers,
        },
        ("sensor", "confidence"): {
            "name": "Confidence",
            "icon": "mdi:gauge",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "value_template": "{{ (value_json.confidence * 100) | round(1) }}",
            **of_answers,
        },
        # Always available, so that it can say that the others are not.
        ("binary_sensor", "camera"): {
            "name": "Camera",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.availability,
            "payload_on": ONLINE,
            "payload_off": OFFLINE,
            "json_attributes_topic": topics.camera,
        },
    }
    return {
        f"{prefix}/{kind}/{topics.identifier}_{key}/config": {
            "unique_id": f"{topics.identifier}_{key}",
            **entity,
            **shared,
        }
        for (kind, key), entity in entities.items()
    }
