"""What a user of Home Assistant does with the device, in Home Assistant itself.

Everything is asked for with a token. The server runs where paho-mqtt is.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import mosquitto
from digit_camera import DigitCamera
from home_assistant import HomeAssistant, python
from mosquitto import Broker
from tools import missing, until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOKEN = "0123456789abcdef0123456789abcdef"


class Device:
    """The server; it can be stopped and started again, at the same address."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.camera = DigitCamera(folder / "camera")
        tokens = folder / "tokens"
        tokens.write_text(f"{TOKEN}\n")
        tokens.chmod(0o600)
        self._log = folder / "server.log"
        self._command = [
            *(sys.executable, "-m", "edge_server", "--camera", self.camera.spec),
            *("--token-file", str(tokens), "--mqtt", f"mqtt://127.0.0.1:{broker.port}"),
            *("--mqtt-topic", "kiosk/door"),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self._port = str(taken.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self.start()

    def start(self) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGE_")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, "--port", self._port], cwd=ROOT, stderr=log, env=clean
            )
        until(lambda: f"url={self.url}/" in self._log.read_text(), "the server does not start")

    def kill(self) -> None:
        """As when the power goes."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def rest_sensor(url: str) -> str:
    """The README's, with the address of the server and its token."""
    (block,) = re.findall(r"^```yaml\n(sensor:.*?)^```$", README, re.DOTALL | re.MULTILINE)
    changed = block.replace("http://localhost:8080", url).replace("# headers:", "headers:")
    assert url in changed and "headers:" in changed
    return str(changed.replace("TOKEN", TOKEN))


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Device, Broker]]:
    if mosquitto.program() is None:
        missing("mosquitto", "needs Mosquitto: apt-get install mosquitto")
    folder = tmp_path_factory.mktemp("device")
    with ExitStack() as stack:
        broker = Broker(folder)
        stack.callback(broker.stop)
        broker.start()
        made = Device(folder, broker)
        stack.callback(made.kill)
        yield made, broker


@pytest.fixture(scope="module")
def home(
    device: tuple[Device, Broker], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HomeAssistant]:
    """Home Assistant, that knows the broker, the README's sensor, and the camera."""
    program = python()
    if program is None:
        missing("homeassistant", "needs Home Assistant: scripts/environment homeassistant")
    server, broker = device
    made = HomeAssistant(str(program), tmp_path_factory.mktemp("home"), rest_sensor(server.url))
    try:
        made.add("mqtt", broker="127.0.0.1", port=broker.port)
        # As the README says it.
        made.add(
            "mjpeg",
            name="Door",
            mjpeg_url=f"{server.url}/camera/stream.mjpg",
            still_image_url=f"{server.url}/camera/snapshot.jpg",
            username="edge",
            password=TOKEN,
            verify_ssl=True,
        )
        yield made
    finally:
        made.stop()


def appeared(home: HomeAssistant, kind: str, key: str) -> str:
    """The entity that has appeared by itself."""
    return str(
        until(
            lambda: next(
                (n for n in home.entities() if n.startswith(f"{kind}.") and n.endswith(f"_{key}")),
                None,
            ),
            f"there is no {kind} {key}: {home.log}",
        )
    )


def test_the_device_appears_by_itself_with_its_answers(home, device):
    server, _ = device
    prediction = appeared(home, "sensor", "prediction")
    confidence = appeared(home, "sensor", "confidence")
    connected = appeared(home, "binary_sensor", "camera")
    for index in (0, 1, 2):
        label = server.camera.show(index)
        until(lambda label=label: home.state(prediction)[0] == label)
    state, attributes = home.state(prediction)
    assert (attributes["label"], attributes["sure"]) == (state, True)
    assert (attributes["model"], attributes["version"]) == ("digits", "1")
    state, attributes = home.state(confidence)
    assert 50 <= float(state) <= 100
    assert attributes["unit_of_measurement"] == "%"
    state, attributes = home.state(connected)
    assert (state, attributes["device_class"]) == ("on", "connectivity")


def test_the_sensor_of_the_readme_follows_the_camera(home, device):
    server, _ = device
    for index in (3, 4):
        label = server.camera.show(index)
        until(lambda label=label: home.state("sensor.kiosk")[0] == label)
    _, attributes = home.state("sensor.kiosk")
    assert 0.5 <= attributes["confidence"] <= 1


def test_the_camera_is_seen_as_picture_and_as_stream(home):
    picture = home.camera("camera.door")
    assert picture.status_code == 200
    assert picture.headers["Content-Type"] == "image/jpeg"
    assert picture.content[:2] == b"\xff\xd8"
    begin = home.stream("camera.door", 3 * len(picture.content))
    assert begin.count(b"Content-Type: image/jpeg") >= 2
    assert not home.errors()


def test_a_camera_that_is_lost_is_told_and_comes_back(home, device):
    server, _ = device
    prediction = appeared(home, "sensor", "prediction")
    connected = appeared(home, "binary_sensor", "camera")
    server.camera.clear()
    until(lambda: home.state(connected)[0] == "off")
    assert home.state(prediction)[0] == "unavailable"
    until(lambda: home.state(connected)[1]["error"])
    label = server.camera.show(5)
    until(lambda: home.state(prediction)[0] == label)
    assert home.state(connected)[0] == "on"


def test_a_device_without_power_is_unavailable_until_it_is_back(home, device):
    server, _ = device
    prediction = appeared(home, "sensor", "prediction")
    server.kill()
    until(lambda: home.state(prediction)[0] == "unavailable")
    label = server.camera.show(6)
    server.start()
    until(lambda: home.state(prediction)[0] == label)
    until(lambda: home.state("sensor.kiosk")[0] == label)
