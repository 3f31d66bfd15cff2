"""Where on the broker things stand. Pure text."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

from edge_server.errors import SettingError

# MQTT allows 65,535 bytes, brokers often less.
_LONGEST: Final = 200
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]+")
# What wildcards, levels and brokers' own topics are made of.
_NOT_IN_LEVELS: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Topics:
    """The topics below `base`, and names that are made of it."""

    base: str

    @property
    def state(self) -> str:
        """The newest answer, JSON."""
        return f"{self.base}/state"

    @property
    def availability(self) -> str:
        """online, or offline where there are no answers: without server or camera."""
        return f"{self.base}/availability"

    @property
    def camera(self) -> str:
        """The state of the camera, JSON."""
        return f"{self.base}/camera"

    @property
    def identifier(self) -> str:
        """Letters, digits, _ and - alone, as Home Assistant wants them."""
        return _NOT_IN_IDS.sub("_", self.base).strip("_")


def hostname() -> str:
    """This device's name, fit for a level of a topic."""
    return _NOT_IN_LEVELS.sub("-", socket.gethostname()) or "device"


def base(setting: str) -> str:
    """The topic that is set; with none, that of this device."""
    return setting.rstrip("/") or f"edge-server/{hostname()}"


def check(topic: str) -> None:
    """Raises SettingError for what can't be published below."""
    if any(sign in topic for sign in "+#") or not topic.isprintable():
        raise SettingError("+, # and line breaks can't stand in a topic: leave them out.")
    if topic.startswith(("/", "$")):
        raise SettingError("a topic begins with a name, such as kiosk/door.")
    if len(topic.encode()) > _LONGEST:
        raise SettingError(f"the topic is over {_LONGEST} bytes: choose a shorter one.")
