"""The broker that is told what the camera sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_server.configuration.declaration import setting
from edge_server.mqtt import broker, topics


@dataclass(frozen=True)
class MqttSettings:
    mqtt: str | None = setting(
        None,
        "MQTT broker that is told what the camera sees: mqtt://USER@HOST, or mqtts://USER@HOST for "
        "an encrypted connection; needs edge_server/mqtt/requirements.txt",
        "ADDRESS",
        check=broker.check,
        reason="what a camera sees leaves the device only when asked for",
    )
    mqtt_password_file: Path | None = setting(
        None,
        "file with the password for --mqtt in its first line",
        "FILE",
        reason="others on the device see what stands in a command line",
    )
    mqtt_ca: Path | None = setting(
        None,
        "certificate, PEM, of whoever signed that of the broker of mqtts://",
        "FILE",
        reason="the system's own authorities do for a broker with a public name",
    )
    mqtt_topic: str = setting(
        "",
        "topic below which all is published (default: edge-server/ and the device's name)",
        "TOPIC",
        check=topics.check,
        reason="of twenty kiosks each has a name, and so a topic of its own",
    )
    mqtt_discovery: str = setting(
        "homeassistant",
        "topic where Home Assistant looks for new devices; none for not telling it",
        "TOPIC",
        check=topics.check,
        reason="that is Home Assistant's own default, and nobody else reads there",
    )
