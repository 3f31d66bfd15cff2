"""The answers to the camera's frames, and who is told of them."""

from __future__ import annotations

from collections.abc import Iterator

from edge_server.live import Live
from edge_server.live.subscribers import Subscribers
from edge_server.metrics import catalogue
from edge_server.metrics.catalogue import Family
from edge_server.mqtt.publisher import Publisher


def collect(live: Live, subscribers: Subscribers, publisher: Publisher | None) -> Iterator[Family]:
    """The families of one camera's answers; without a broker none about it."""
    yield catalogue.LIVE_ANSWERS.value(live.answers)
    yield catalogue.LIVE_CHANGES.value(live.label_changes)
    yield catalogue.SUBSCRIBERS.value(subscribers.count)
    yield catalogue.SUBSCRIBERS_LIMIT.value(subscribers.most)
    if publisher is not None:
        yield catalogue.MQTT_CONNECTED.value(publisher.connected)
