"""What the server publishes over MQTT, on Mosquitto; the server runs where paho-mqtt is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mosquitto
from digit_camera import DigitCamera
from mosquitto import Broker, Listener
from tools import missing, until

ROOT = Path(__file__).resolve().parents[2]
BASE = "kiosk/door"


@dataclass
class Server:
    """A server that publishes; what it says goes to a file."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def log(self) -> str:
        return self.file.read_text()

    @property
    def url(self) -> str:
        found = until(lambda: re.search(r"url=(http://\S+)/", self.log), self.log)
        return str(found[1])

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def folder(tmp_path: Path) -> DigitCamera:
    return DigitCamera(tmp_path / "camera")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Not started yet."""
    if mosquitto.program() is None:
        missing("mosquitto", "needs Mosquitto: apt-get install mosquitto")
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def listen(broker: Broker) -> Iterator[Callable[..., Listener]]:
    """Listens to the broker, as a user if one is given."""
    with ExitStack() as stack:

        def start(*user: str) -> Listener:
            made = Listener(broker.port, *user)
            stack.callback(made.close)
            return made

        yield start


@pytest.fixture
def publish(tmp_path: Path, broker: Broker, folder: DigitCamera) -> Iterator[Callable[..., Server]]:
    """Starts servers that publish to the broker; `user` is how they log in."""
    with ExitStack() as stack:

        def start(*options: str | Path, user: str = "", **environment: str) -> Server:
            address = f"mqtt://{user}127.0.0.1:{broker.port}"
            command = [sys.executable, "-m", "edge_server", "--port", "0", "--mqtt-topic", BASE]
            command += ["--camera", folder.spec]
            if "EDGE_MQTT" not in environment:
                command += ["--mqtt", address]
            clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_")}
            file = tmp_path / "server.log"
            with file.open("ab") as log:
                process = subprocess.Popen(
                    [*command, *map(str, options)], cwd=ROOT, stderr=log, env=clean | environment
                )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return Server(process, file)

        yield start


def availability(listener: Listener) -> str | None:
    return listener.newest(f"{BASE}/availability")


def test_whoever_comes_later_finds_the_state_and_the_entities(broker, publish, listen, folder):
    label = folder.show(0)
    broker.start()
    server = publish()
    first = listen()
    until(lambda: first.state(BASE).get("label") == label)
    until(lambda: availability(first) == "online")
    later = listen()
    until(lambda: later.state(BASE))
    assert all(is_retained for _, _, is_retained in later.messages)
    state = later.state(BASE)
    assert state["sure"] is True
    assert 0.5 <= state["confidence"] <= 1
    assert (state["model"], state["version"]) == ("digits", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", state["captured_at"])
    assert json.loads(later.newest(f"{BASE}/camera") or "")["state"] == "live"
    announced = {
        topic: json.loads(payload)
        for topic, payload, _ in later.messages
        if topic.startswith("homeassistant/")
    }
    assert len(announced) == 3
    topics = {topic for topic, _, _ in later.messages}
    for message in announced.values():
        assert {message[key] for key in message if key.endswith("_topic")} <= topics
    assert server.get("/camera/prediction")["prediction"] == label


def test_a_change_of_the_label_is_published_and_nothing_else_for_long(
    broker, publish, listen, folder
):
    broker.start()
    publish("--mqtt-discovery", "none")
    listener = listen()
    first = folder.show(0)
    until(lambda: listener.state(BASE).get("label") == first)
    second = folder.show(1)
    until(lambda: listener.state(BASE).get("label") == second)
    until(lambda: listener.state(BASE)["confidence"] > 0.8)
    settled = len(listener.messages)
    time.sleep(2.5)
    # How sure it has become by now may be told once more, and that is all.
    assert len(listener.messages) <= settled + 1
    assert not [topic for topic, _, _ in listener.messages if topic.startswith("homeassistant")]


def test_while_the_camera_is_lost_answers_are_offline(broker, publish, listen, folder):
    broker.start()
    publish()
    listener = listen()
    until(lambda: availability(listener) == "online")
    folder.clear()
    until(lambda: availability(listener) == "offline")
    camera = json.loads(listener.newest(f"{BASE}/camera") or "")
    assert camera["state"] == "lost"
    assert "has no pictures" in camera["error"]
    label = folder.show(2)
    until(lambda: availability(listener) == "online")
    until(lambda: listener.state(BASE)["label"] == label)


def test_a_broker_that_comes_back_is_told_everything_again(broker, publish, listen, folder):
    broker.start()
    server = publish()
    listener = listen()
    until(lambda: listener.state(BASE))
    broker.stop()
    label = folder.show(3)
    until(lambda: server.get("/camera/prediction")["prediction"] == label)
    listener.messages.clear()
    broker.start()
    until(lambda: listener.state(BASE).get("label") == label)
    until(lambda: availability(listener) == "online")
    until(lambda: [t for t, _, _ in listener.messages if t.startswith("homeassistant/")])
    assert server.log.count("The connection to the MQTT broker") == 1


def test_a_server_that_is_killed_is_offline(broker, publish, listen):
    broker.start()
    server = publish()
    listener = listen()
    until(lambda: availability(listener) == "online")
    server.process.kill()
    until(lambda: availability(listener) == "offline")


def test_a_server_that_is_stopped_says_so_and_ends_soon(broker, publish, listen):
    broker.start()
    server = publish()
    listener = listen()
    until(lambda: availability(listener) == "online")
    server.process.terminate()
    assert server.process.wait(15) == 0
    until(lambda: availability(listener) == "offline")


@pytest.mark.parametrize("how", ["a file", "the environment"])
def test_the_password_opens_the_broker_and_is_told_nobody(
    how, broker, publish, listen, folder, tmp_path
):
    broker.let_in("kiosk", "s@c/ret")
    broker.start()
    if how == "a file":
        file = tmp_path / "password"
        file.write_text("s@c/ret\n")
        server = publish("--mqtt-password-file", file, "--log-level", "debug", user="kiosk@")
    else:
        address = f"mqtt://kiosk:s%40c%2Fret@127.0.0.1:{broker.port}"
        server = publish("--log-level", "debug", EDGE_MQTT=address)
    listener = listen("kiosk", "s@c/ret")
    until(lambda: listener.state(BASE))
    for secret in ("s@c/ret", "s%40c%2Fret"):
        assert secret not in server.log


def test_a_wrong_password_is_told_once_and_a_right_one_later_is_taken(broker, publish, listen):
    broker.let_in("kiosk", "right")
    broker.start()
    server = publish(user="kiosk:wrong@")
    until(lambda: "refuses the connection" in server.log)
    time.sleep(3.5)  # two more attempts
    told = [line for line in server.log.splitlines() if "refuses the connection" in line]
    assert len(told) == 1
    assert "--mqtt-password-file" in told[0]
    assert "wrong" not in told[0]
    broker.let_in("kiosk", "wrong")
    until(lambda: "connected to the MQTT broker" in server.log)
    listener = listen("kiosk", "wrong")
    until(lambda: listener.state(BASE))


def test_without_a_broker_the_server_serves_and_says_it_once(broker, publish, listen, folder):
    server = publish()
    label = folder.show(0)
    until(lambda: server.get("/camera/prediction")["prediction"] == label)
    until(lambda: "can't be reached (Connection refused)" in server.log)
    time.sleep(2.5)  # another attempt or two
    assert server.log.count("can't be reached") == 1
    broker.start()
    listener = listen()
    until(lambda: listener.state(BASE).get("label") == label)


def test_a_broker_that_takes_nothing_holds_up_nobody(broker, publish, listen, folder):
    broker.start()
    server = publish()
    listener = listen()
    until(lambda: listener.state(BASE))
    broker.freeze()
    try:
        for index in (1, 2, 3, 0, 1):
            label = folder.show(index)
            until(lambda wanted=label: server.get("/camera/prediction")["prediction"] == wanted)
    finally:
        broker.thaw()
    until(lambda: listener.state(BASE)["label"] == label)


def test_an_encrypted_connection_trusts_the_authority_that_is_given(
    tmp_path, publish, folder, broker
):
    certificate, key = tmp_path / "broker.pem", tmp_path / "broker.key"
    command = [
        *("openssl", "req", "-x509", "-subj", "/CN=broker", "-addext"),
        *("subjectAltName=IP:127.0.0.1", "-nodes", "-days", "2", "-newkey", "rsa:2048"),
        *("-keyout", key, "-out", certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    secure = Broker(tmp_path, tls=(certificate, key))
    secure.start()
    try:
        address = f"mqtts://127.0.0.1:{secure.port}"
        trusting = publish("--mqtt-ca", certificate, EDGE_MQTT=address)
        until(lambda: "connected to the MQTT broker" in trusting.log)
        trusting.process.terminate()
        assert trusting.process.wait(15) == 0
        doubting = publish(EDGE_MQTT=address)
        until(lambda: "certificate verify failed" in doubting.log)
    finally:
        secure.stop()


def test_prometheus_is_told_whether_the_broker_is_there(broker, publish, listen):
    server = publish()

    def connected() -> str:
        with urllib.request.urlopen(server.url + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return str(re.search(r"^edge_live_mqtt_connected (\S+)", text, re.MULTILINE)[1])

    assert connected() == "0.0"
    broker.start()
    until(lambda: connected() == "1.0")


def test_without_a_camera_nothing_is_published_which_is_said(broker, publish, listen):
    broker.start()
    listener = listen()
    server = publish("--camera", "none")
    assert server.get("/healthz")["status"] == "alive"
    assert "without a camera nothing is published over MQTT" in server.log
    server.process.terminate()
    assert server.process.wait(15) == 0
    assert listener.messages == []
