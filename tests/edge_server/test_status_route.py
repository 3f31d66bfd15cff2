"""/status and /status.json: the device, for its owner, and for nobody else where tokens are set."""

from __future__ import annotations

import logging

import pytest

from edge_server.app import METRICS
from edge_server.board import Board
from edge_server.inference.statistics import BOUNDS, Distribution
from edge_server.recent import RECENT
from edge_server.routes.status import median_ms

TOKEN = "0123456789abcdef"


def status(served):
    answer = served.client.get("/status.json")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.json


def test_it_tells_the_model_and_its_work(application, digit):
    served = application(camera="none")
    picture, _ = digit(0)
    for _ in range(3):
        served.client.post("/predict", data=picture)
    served.client.post("/predict", data=b"no picture at all")
    document = status(served)
    (model,) = document["models"]
    info = served.services.models.get().info
    assert (model["name"], model["version"], model["state"]) == (info.name, "1", "AVAILABLE")
    assert (model["recipe"], model["size_bytes"]) == (info.recipe, info.size_bytes)
    assert (model["answered"], model["images"], model["reason"]) == (3, 3, None)
    assert 0 < model["invoke_p50_ms"] <= model["request_p50_ms"]
    assert document["requests"]["by_status"] == {"200": 3, "415": 1}
    assert document["requests"]["total"] == 4
    assert document["camera"] is None
    assert document["server"]["memory_bytes"] > 10_000_000
    assert document["server"]["uptime_seconds"] >= 0


def test_it_tells_a_version_that_failed_and_why(application, bundled_model, tmp_path):
    for version, content in (("1", bundled_model.read_bytes()), ("2", b"no model" * 99)):
        folder = tmp_path / "digits" / version
        folder.mkdir(parents=True)
        (folder / "model.tflite").write_bytes(content)
    document = status(application(models=tmp_path, camera="none"))
    told = {model["version"]: model for model in document["models"]}
    assert told["1"]["state"] == "AVAILABLE"
    assert told["2"]["reason"]


def test_it_tells_the_camera(application, until):
    served = application()
    until(lambda: status(served)["camera"]["state"] == "live")
    camera = status(served)["camera"]
    assert camera["size"] == [640, 480]
    assert camera["last_frame_at"].endswith("Z")
    assert (camera["reconnections"], camera["error"]) == (0, None)


def test_it_tells_the_board(application, monkeypatch):
    served = application(camera="none")
    board = Board(
        model="Raspberry Pi 5",
        temperatures={"cpu-thermal": 61.25},
        throttled={
            ("under_voltage", "now"): False,
            ("under_voltage", "earlier"): True,
            ("throttled", "now"): True,
        },
        memory=(8 * 2**30, 2**30),
        load=(0.5, 1.0, 2.0),
        uptime=99.0,
    )
    metrics = served.client.application.extensions[METRICS]
    monkeypatch.setattr(metrics.board, "read", lambda: board)
    told = status(served)["board"]
    assert told["model"] == "Raspberry Pi 5"
    assert told["temperatures"] == {"cpu-thermal": 61.2}
    assert told["throttled"] == [
        {"reason": "under_voltage", "now": False, "earlier": True},
        {"reason": "throttled", "now": True, "earlier": False},
    ]
    assert (told["memory_total_bytes"], told["load_1min"]) == (8 * 2**30, 0.5)


def test_sensors_that_hang_do_not_hold_up_the_rest(application, monkeypatch):
    served = application(camera="none")
    metrics = served.client.application.extensions[METRICS]
    monkeypatch.setattr(metrics.board, "read", lambda: 1 / 0)
    document = status(served)
    assert document["board"] is None
    assert document["models"]


def test_it_tells_the_last_troubles(digits_app):
    log = logging.getLogger("edge_server.tested")
    log.addHandler(RECENT)
    try:
        log.error("the roof leaks")
    finally:
        log.removeHandler(RECENT)
    document = status(digits_app)
    assert document["troubles"][0]["message"] == "the roof leaks"
    assert document["troubles"][0]["level"] == "error"
    assert document["troubles_total"] >= 1


def test_it_tells_when_the_kiosk_page_of_this_device_last_asked(application):
    served = application(camera="none")
    served.client.get("/kiosk.json", environ_base={"REMOTE_ADDR": "10.1.2.3"})
    assert status(served)["server"]["kiosk_seen_at"] is None
    served.client.get("/kiosk.json")
    assert status(served)["server"]["kiosk_seen_at"].endswith("Z")


@pytest.mark.parametrize("path", ["/status", "/status.json", "/kiosk.json", "/texts/en.json"])
def test_where_tokens_are_set_it_needs_one(path, application, tmp_path):
    file = tmp_path / "tokens"
    file.write_text(TOKEN)
    file.chmod(0o600)
    client = application(camera="none", token_file=file).client
    assert client.get(path).status_code == 401
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get(path, headers=token).status_code == 200


def test_the_page_says_what_it_is_in_the_visitor_s_language(digits_app):
    answer = digits_app.client.get("/status", headers={"Accept-Language": "de"})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Zustand des Geräts" in answer.get_data(as_text=True)


def test_the_kiosk_page_knows_its_edition_and_model(digits_app):
    news = digits_app.client.get("/kiosk.json").json
    html = digits_app.client.get("/").get_data(as_text=True)
    assert f'data-edition="{news["edition"]}"' in html
    assert f'data-model="{news["model"]["sha256"]}"' in html
    assert news["camera"] is None


def distribution(*seconds: float) -> Distribution:
    counts = [0] * (len(BOUNDS) + 1)
    for value in seconds:
        counts[sum(value > bound for bound in BOUNDS)] += 1
    return Distribution(tuple(counts))


def test_the_median_of_a_histogram_is_within_its_bucket():
    assert median_ms(Distribution()) is None
    assert 2.5 <= median_ms(distribution(0.004)) <= 5
    assert 5 <= median_ms(distribution(0.001, 0.007, 0.007, 0.008, 9.0)) <= 10
    assert median_ms(distribution(99.0)) == BOUNDS[-1] * 1e3
