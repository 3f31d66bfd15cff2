"""The clients and the label map of tutorials that serve a CNN with Flask, against the real server.

Each client is a script as a reader of such a tutorial has it; only its address is another.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from camera.sources.demo import demo_digits, picture

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ADDRESS = "http://localhost:5000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos, and the label map as the tutorials write it."""
    made = tmp_path_factory.mktemp("tutorial")
    tiles, labels = demo_digits()
    for name, digit in (("photo.jpg", "3"), ("other.jpg", "7"), ("third.png", "0")):
        Image.fromarray(picture(tiles, labels.index(digit))).save(made / name)
    with (made / "label_map.json").open("w") as file:
        json.dump({str(index): name for index, name in enumerate(NAMES)}, file)
    return made


@pytest.fixture(scope="module")
def plain(run_server: Any) -> Iterator[str]:
    """Where a server answers that was given no label map."""
    with run_server(["--camera", "none"]) as server:
        yield server.url


@pytest.fixture(scope="module")
def mapped(run_server: Any, folder: Path) -> Iterator[str]:
    """Where a server answers that was given the tutorial's label map."""
    with run_server(["--camera", "none", "--labels", folder / "label_map.json"]) as server:
        assert 'labels="JSON, index to name"' in server.log.read_text()
        yield server.url


Run = Callable[[str, str], str]


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Run:
    """Runs a client's script beside the photos, against an address; gives what it prints."""
    monkeypatch.chdir(folder)

    def start(script: str, url: str) -> str:
        assert ADDRESS in script
        exec(script.replace(ADDRESS, url), {})
        return str(capsys.readouterr().out)

    return start


SINGLE = """
import base64
import requests

with open("photo.jpg", "rb") as f:
    encoded_image = base64.b64encode(f.read()).decode("utf-8")

response = requests.post("http://localhost:5000/predict", json={"image": encoded_image})
print(response.json()["prediction"])
"""

BATCH = """
import base64
import requests

def encode_image(path):
    with open(path, "rb") as image_file:
        return base64.b64encode(image_file.read()).decode("utf-8")

images = [encode_image(path) for path in ["photo.jpg", "other.jpg", "third.png"]]
response = requests.post("http://localhost:5000/predict", json={"images": images})
print(response.json()["predictions"])
"""

HEADERS = """
import base64, json
import requests

with open("photo.jpg", "rb") as f:
    b64 = base64.b64encode(f.read()).decode("utf-8")

url = "http://localhost:5000/predict"
payload = json.dumps({"image": b64})
headers = {"Content-Type": "application/json", "Accept": "text/plain"}
response = requests.post(url, data=payload, headers=headers)
print(response.json()["prediction"])
"""

NO_HEADERS = """
import base64, json
import requests

image = base64.b64encode(open("photo.jpg", "rb").read()).decode("utf-8")
response = requests.post("http://localhost:5000/predict", data=json.dumps({"image": image}))
print(json.loads(response.text)["prediction"])
"""

OPENCV = """
import base64
import cv2
import requests

img = cv2.imread("photo.jpg")
_, buffer = cv2.imencode(".jpg", img)
jpg_as_text = base64.b64encode(buffer).decode("utf-8")
r = requests.post("http://localhost:5000/predict", json={"image": jpg_as_text})
print(r.json()["prediction"])
"""

PILLOW = """
import base64, io
from PIL import Image
import requests

img = Image.open("photo.jpg").resize((32, 32))
buffer = io.BytesIO()
img.save(buffer, format="PNG")
data = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
print(requests.post("http://localhost:5000/predict", json={"image": data}).json()["prediction"])
"""

URLLIB = """
import base64, json
import urllib.request

body = json.dumps({"image": base64.b64encode(open("photo.jpg", "rb").read()).decode()}).encode()
answer = urllib.request.urlopen("http://localhost:5000/predict", data=body)
print(json.loads(answer.read())["prediction"])
"""

HTTP_CLIENT = """
import base64, http.client, json

connection = http.client.HTTPConnection("http://localhost:5000".split("//")[1])
body = json.dumps({"image": base64.b64encode(open("photo.jpg", "rb").read()).decode("ascii")})
connection.request("POST", "/predict", body)
print(json.loads(connection.getresponse().read())["prediction"])
"""

LOOKED_UP = """
import base64, json
import requests

with open("label_map.json") as f:
    label_map = json.load(f)
with open("photo.jpg", "rb") as f:
    encoded = base64.b64encode(f.read()).decode("utf-8")

result = requests.post("http://localhost:5000/predict", json={"image": encoded}).json()
index = result["top_k"][0]["index"]
print(label_map[str(index)], label_map[str(index)] == result["prediction"])
"""

CLIENTS = {
    "requests": SINGLE,
    "with headers": HEADERS,
    "without headers": NO_HEADERS,
    "OpenCV": OPENCV,
    "Pillow": PILLOW,
    "urllib": URLLIB,
    "http.client": HTTP_CLIENT,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_one_image_in_base64_gets_one_label(client: str, run: Run, plain: str) -> None:
    assert run(CLIENTS[client], plain) == "3\n"


def test_with_a_label_map_the_label_is_the_one_that_it_has_for_the_class(
    run: Run, mapped: str
) -> None:
    assert run(SINGLE, mapped) == "three\n"
    assert run(LOOKED_UP, mapped) == "three True\n"


def test_a_batch_gets_its_labels_in_the_order_sent(run: Run, plain: str, mapped: str) -> None:
    assert run(BATCH, plain) == "['3', '7', '0']\n"
    assert run(BATCH, mapped) == "['three', 'seven', 'zero']\n"


def test_other_protocols_name_the_classes_by_the_map_too(mapped: str, folder: Path) -> None:
    encoded = base64.b64encode((folder / "third.png").read_bytes()).decode()
    asked = {"examples": [{"image": {"b64": encoded}}]}
    answer = requests.post(f"{mapped}/v1/models/digits:classify", json=asked, timeout=30)
    (scores,) = answer.json()["results"]
    assert sorted(label for label, _ in scores) == sorted(NAMES)
    assert max(scores, key=lambda pair: pair[1])[0] == "zero"
