"""Follows the live answers and publishes them when they change."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

from camera.grabber import CameraState, Grabber
from edge_server.live import Live, LiveAnswer
from edge_server.live.news import News
from edge_server.mqtt import broker as brokers
from edge_server.mqtt import discovery
from edge_server.mqtt.client import Client
from edge_server.mqtt.topics import Topics, base, hostname
from edge_server.settings import Settings
from edge_server.wire.camera import utc
from edge_server.wire.mqtt import OFFLINE, ONLINE, CameraMessage, StateMessage

# A label changes when the two are as likely as each other: how sure it then becomes is told too,
# in steps of so much, and not more often than this. Seconds.
_CONFIDENCE_STEP: Final = 0.1
_AT_MOST_EVERY: Final = 1.0
_LOOK_UP: Final = 0.5
_END: Final = 1.0
_JOIN: Final = 4.0


class Publisher:
    """Publishes while there is a broker; without one, nothing is classified for it."""

    def __init__(
        self, client: Client, topics: Topics, announced: dict[str, dict[str, Any]]
    ) -> None:
        """`announced` are the messages of discovery, by topic."""
        self._client, self._topics, self._announced = client, topics, announced
        self._told: LiveAnswer | None = None
        self._told_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the broker."""
        return self._client.connected

    def start(self, grabber: Grabber, live: Live) -> None:
        """Begin."""
        self._stopping.clear()
        self._client.start()
        self._thread = threading.Thread(
            target=self._run, args=(grabber, live), name="mqtt", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Say that nothing more comes, and leave."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_JOIN)

    def _run(self, grabber: Grabber, live: Live) -> None:
        while not self._stopping.is_set():
            if self._client.wait_until_connected(_LOOK_UP):
                with live.following():
                    self._publish(grabber, live)
        self._client.publish(self._topics.availability, OFFLINE)
        self._client.stop(_END)

    def _publish(self, grabber: Grabber, live: Live) -> None:
        """One connection, from its beginning to its end."""
        connection = self._client.connections
        self._told = None
        for topic, document in self._announced.items():
            self._send(topic, document)
        news = News(grabber, live, every=True)
        while not self._stopping.is_set() and not news.ended:
            answer, state = news.wait(_LOOK_UP)
            if self._client.connections != connection or not self._client.connected:
                return
            if state is not None:
                self._tell_camera(grabber, state)
            if answer is not None and self._is_worth(answer):
                self._tell(answer)

    def _tell_camera(self, grabber: Grabber, state: CameraState) -> None:
        status = grabber.status()
        message: CameraMessage = {
            "state": state.value,
            "description": status.description,
            "error": status.error,
        }
        self._send(self._topics.camera, message)
        shows = state in (CameraState.LIVE, CameraState.STALLED)
        if not shows:
            self._told = None
        self._client.publish(self._topics.availability, ONLINE if shows else OFFLINE)

    def _is_worth(self, answer: LiveAnswer) -> bool:
        told = self._told
        if told is None or (told.label, told.sure, told.model) != (
            answer.label,
            answer.sure,
            answer.model,
        ):
            return True
        moved = abs(answer.confidence - told.confidence) >= _CONFIDENCE_STEP
        return moved and time.monotonic() - self._told_at >= _AT_MOST_EVERY

    def _tell(self, answer: LiveAnswer) -> None:
        self._told, self._told_at = answer, time.monotonic()
        message: StateMessage = {
            "label": answer.label,
            "confidence": round(answer.confidence, 4),
            "sure": answer.sure,
            "model": answer.model.name,
            "version": answer.model.version,
            "frame": answer.frame.number,
            "captured_at": utc(answer.frame.captured_at),
        }
        self._send(self._topics.state, message)

    def _send(self, topic: str, document: Any) -> None:
        self._client.publish(topic, json.dumps(document, ensure_ascii=False))


def from_settings(settings: Settings) -> Publisher | None:
    """The publisher that is set, None where there is none. Raises SettingError."""
    if not settings.mqtt:
        return None
    broker = brokers.from_settings(settings.mqtt, settings.mqtt_password_file, settings.mqtt_ca)
    topics = Topics(base(settings.mqtt_topic))
    prefix = settings.mqtt_discovery
    name = settings.title or f"Edge server {hostname()}"
    announced = {} if prefix == discovery.OFF else discovery.messages(prefix, topics, name)
    client = Client(broker, will=(topics.availability, OFFLINE))
    return Publisher(client, topics, announced)
