"""A connection to a broker that comes back by itself. The only file that knows paho-mqtt."""

from __future__ import annotations

import logging
import sys
import threading
import uuid
from pathlib import Path
from typing import Any, Final

from camera.command import argument, python
from edge_server.errors import SettingError
from edge_server.logs import fields
from edge_server.mqtt.broker import Broker

_log = logging.getLogger(__name__)

# Messages on their way to a broker that takes none; of what waits behind them, the newest of each
# topic is kept.
_MOST_UNSENT: Final = 16
_KEEPALIVE: Final = 30
_FIRST_PAUSE, _LONGEST_PAUSE = 1, 30
_REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
_REFUSED: Final = ("Bad user name or password", "Not authorized")


class Client:
    """Publishes retained messages while it is connected; what came before is not sent later."""

    def __init__(self, broker: Broker, *, will: tuple[str, str]) -> None:
        """`will` is a topic, and what the broker says there when this client vanishes.

        Raises SettingError where paho-mqtt is not installed.
        """
        try:
            # Only those who use it have it.
            from paho.mqtt import client as paho  # noqa: PLC0415
            from paho.mqtt.enums import CallbackAPIVersion  # noqa: PLC0415
        except ImportError as error:
            raise SettingError(
                "--mqtt needs paho-mqtt, which is not installed: run "
                f"`{python()} -m pip install -r {argument(_REQUIREMENTS)}`."
            ) from error
        self._broker = broker
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)  # connected, lost, or sent
        self._newest: dict[str, str] = {}
        self._unsent = 0
        self._connected = False
        self._said = ""
        self._connections = 0

        self._paho: Any = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"edge-server-{uuid.uuid4().hex[:8]}"
        )
        self._paho.on_connect = self._on_connect
        self._paho.on_connect_fail = self._on_connect_fail
        self._paho.on_disconnect = self._on_disconnect
        self._paho.on_publish = self._on_publish
        self._paho.reconnect_delay_set(_FIRST_PAUSE, _LONGEST_PAUSE)
        if broker.user is not None:
            self._paho.username_pw_set(broker.user, broker.password)
        if broker.tls is not None:
            self._paho.tls_set_context(broker.tls)
        self._paho.will_set(*will, qos=1, retain=True)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted this client."""
        return self._connected

    @property
    def connections(self) -> int:
        """How many connections there have been: after a new one all has to be said again."""
        return self._connections

    def start(self) -> None:
        """Begin to connect, and to do so again whenever the connection is lost."""
        self._paho.connect_async(self._broker.host, self._broker.port, _KEEPALIVE)
        self._paho.loop_start()

    def publish(self, topic: str, payload: str) -> None:
        """Say it as soon as the broker takes it, unless something newer is said there before.

        Never waits. While there is no connection nothing is kept.
        """
        with self._lock:
            if self._connected:
                self._newest.pop(topic, None)
                self._newest[topic] = payload
                self._send()

    def wait_until_connected(self, timeout: float) -> bool:
        """Whether there is a connection, at `timeout` (s) at the latest."""
        with self._news:
            return self._news.wait_for(lambda: self._connected, timeout)

    def stop(self, timeout: float) -> None:
        """Send what is left and end the connection, within about `timeout` seconds."""
        with self._news:
            self._news.wait_for(lambda: not (self._newest or self._unsent), timeout)
        self._paho.disconnect()
        # A connection attempt that hangs is not waited for.
        ending = threading.Thread(target=self._paho.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        ending.join(timeout)

    def _send(self) -> None:
        """As much as may be on its way; under the lock."""
        while self._newest and self._unsent < _MOST_UNSENT:
            topic = next(iter(self._newest))
            # Quality 0: a newer state makes up for one that is lost, and after a new connection
            # all is said again, whereas what is repeated then could come behind it.
            sent = self._paho.publish(topic, self._newest.pop(topic), qos=0, retain=True)
            self._unsent += sent.rc == 0

    def _on_publish(self, *_: Any) -> None:
        with self._news:
            self._unsent -= 1
            self._send()
            self._news.notify_all()

    def _on_connect(self, _paho: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        where = self._broker.where
        if code.is_failure:
            what = f"The MQTT broker {where} refuses the connection ({code})"
            if str(code) in _REFUSED:
                what += ": check the user in --mqtt and the password in --mqtt-password-file"
            self._say(f"{what}.")
            return
        with self._news:
            self._connected = True
            self._connections += 1
            self._newest.clear()
            self._unsent = 0
            self._said = ""
            self._news.notify_all()
        _log.info("connected to the MQTT broker", extra=fields(broker=where))

    def _on_connect_fail(self, _paho: Any, _data: Any) -> None:
        # It is called while the error is handled, which it is not told.
        error = sys.exc_info()[1]
        reason = getattr(error, "strerror", None) or error or "no answer"
        self._say(
            f"The MQTT broker {self._broker.where} can't be reached ({reason}): check its address "
            "and that it runs."
        )

    def _on_disconnect(
        self, _paho: Any, _data: Any, _flags: Any, code: Any, _more: Any = None
    ) -> None:
        with self._news:
            was_connected, self._connected = self._connected, False
            self._news.notify_all()
        if was_connected and code.is_failure:
            self._say(f"The connection to the MQTT broker {self._broker.where} was lost.")

    def _say(self, sentence: str) -> None:
        """Once, and not at each attempt."""
        if sentence != self._said:
            self._said = sentence
            _log.warning("%s It is tried again and again.", sentence)
