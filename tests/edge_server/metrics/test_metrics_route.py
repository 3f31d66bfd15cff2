"""GET /metrics of the application: what it tells, in which format, and that it always answers."""

from __future__ import annotations

import base64
import dataclasses
import gc
import gzip
import logging
from functools import partial
from types import SimpleNamespace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from edge_server import board
from edge_server.application import Application
from edge_server.line import Line
from edge_server.metrics import catalogue
from edge_server.metrics.exposition import Metrics
from edge_server.metrics.http import OTHER
from edge_server.metrics.models import MAX_VERSIONS
from edge_server.mqtt.publisher import Publisher
from edge_server.mqtt.topics import Topics
from edge_server.repository import State, VersionStatus
from edge_server.routes import metrics as route

DIGITS = {"model": "digits", "version": "1"}


def test_a_prediction_is_seen_in_every_metric_that_it_concerns(application, scrape, digit):
    client = application(camera="none", interpreters=2, queue=7).client
    images = [base64.b64encode(digit(n)[0]).decode() for n in (0, 1, 2)]
    answer = client.post("/predict", json={"images": images}).get_json()
    got = scrape(client)
    http = {"method": "POST", "route": "/predict", "status": "200"}
    assert got.one("edge_http_requests_total", **http) == 1
    assert got.one("edge_http_request_duration_seconds_count", route="/predict") == 1
    assert got.one("edge_model_request_duration_seconds_count", **DIGITS) == 1
    assert got.one("edge_images_total", **DIGITS) == 3
    assert 1 <= got.one("edge_executions_total", **DIGITS) <= 3
    for stage in ("decode", "preprocess", "queue", "invoke"):
        seconds = got.one("edge_inference_duration_seconds_sum", stage=stage, **DIGITS)
        assert seconds * 1e3 == pytest.approx(answer["timing_ms"][stage], abs=0.006)
        assert got.one("edge_inference_duration_seconds_bucket", stage=stage, le="+Inf") == 3
    for label in set(answer["predictions"]):
        expected = answer["predictions"].count(label)
        assert got.one("edge_predictions_total", label=label) == expected
    assert got.one("edge_queue_limit", **DIGITS) == 7
    assert got.one("edge_queue_waiting", **DIGITS) == 0
    assert got.one("edge_interpreters", state="free") == 2
    assert got.one("edge_model_state", state="AVAILABLE", **DIGITS) == 1
    assert got.one("edge_model_state", state="LOADING", **DIGITS) == 0
    assert got.one("edge_model_info", recipe="int8", sha256=answer["model"]["sha256"]) == 1


def test_a_busy_interpreter_and_a_request_that_is_shed_are_counted(application, scrape, digit):
    served = application(camera="none", interpreters=1, queue=0)
    with served.services.models.get().classifier._places.take(1):
        assert served.client.post("/predict", data=digit(0)[0]).status_code == 503
        busy = scrape(served.client)
    assert busy.one("edge_interpreters", state="busy") == 1
    assert busy.one("edge_requests_shed_total", **DIGITS) == 1
    assert busy.one("edge_requests_timed_out_total", **DIGITS) == 0
    assert busy.one("edge_model_requests_failed_total", **DIGITS) == 1
    assert busy.one("edge_http_requests_total", route="/predict", status="503") == 1


def test_a_request_whose_time_is_up_is_counted(application, scrape, digit):
    served = application(camera="none", interpreters=1, timeout=0.05)
    with served.services.models.get().classifier._places.take(1):
        assert served.client.post("/predict", data=digit(0)[0]).status_code == 504
    assert scrape(served.client).one("edge_requests_timed_out_total", **DIGITS) == 1


def test_whatever_clients_ask_for_the_routes_stay_few(application, scrape):
    client = application(camera="none").client
    for number in range(50):
        client.get(f"/nothing/{number}")
        client.get(f"/static/{number}.js")
        client.open("/healthz", method=f"VERB{number}")
    got = scrape(client)
    routes = set(got.labels("edge_http_requests_total", "route"))
    assert routes == {OTHER, "/static/<path:filename>"}
    assert set(got.labels("edge_http_requests_total", "method")) == {"GET", OTHER}
    assert got.one("edge_http_requests_total", status="405", method=OTHER) == 50


def test_the_camera_and_its_viewers_are_told(application, scrape, until):
    served = application(viewers=3)
    until(lambda: served.services.camera.grabber.latest() is not None)
    with served.services.camera.broadcast.viewer():
        got = scrape(served.client)
    assert got.one("edge_camera_viewers") == 1
    assert got.one("edge_camera_viewers_limit") == 3
    assert got.one("edge_camera_state", state="live") == 1
    assert got.one("edge_camera_frames_total") >= 1
    assert 0 <= got.one("edge_camera_frame_age_seconds") < 15
    assert got.one("edge_camera_reconnects_total") == 0
    assert got.labels("edge_camera_info", "description") == ["demo: 540 held-out digits"]


def test_without_a_camera_there_are_no_series_of_one(application, scrape):
    names = scrape(application(camera="none").client).names
    assert not [name for name in names if name.startswith(("edge_camera", "edge_live"))]


def test_the_live_answers_and_their_followers_are_told(application, scrape, until):
    served = application(camera="demo", subscribers=3)
    camera = served.services.camera
    until(camera.grabber.latest)
    assert scrape(served.client).one("edge_live_answers_total") == 0
    served.client.get("/camera/prediction")
    with camera.subscribers.subscribed():
        got = scrape(served.client)
    assert got.one("edge_live_answers_total") >= 1
    assert got.one("edge_live_label_changes_total") <= got.one("edge_live_answers_total")
    assert got.one("edge_live_event_subscribers") == 1
    assert got.one("edge_live_event_subscribers_limit") == 3
    assert "edge_live_mqtt_connected" not in got.names


def test_a_camera_that_is_not_there_is_told_as_such(application, scrape, until, tmp_path):
    served = application(camera=f"file:{tmp_path}/gone.mp4")
    until(lambda: served.services.camera.grabber.status().error)
    got = scrape(served.client)
    assert got.one("edge_camera_state", state="live") == 0
    assert got.one("edge_camera_frames_total") == 0
    assert "edge_camera_frame_age_seconds" not in got.names


# Formats


def test_open_metrics_is_written_for_those_who_ask_for_it(application):
    client = application(camera="demo").client
    kind = "application/openmetrics-text; version=1.0.0"
    answer = client.get("/metrics", headers={"Accept": f"{kind},text/plain;q=0.5"})
    assert answer.mimetype == "application/openmetrics-text"
    text = answer.get_data(as_text=True)
    assert text.endswith("# EOF\n")
    assert "edge_images" in {family.name for family in open_metrics(text)}


def test_it_is_compressed_for_those_who_take_it(application, parsed):
    client = application(camera="none").client
    answer = client.get("/metrics", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "edge_build_info" in parsed(gzip.decompress(answer.data).decode()).names
    assert "Content-Encoding" not in client.get("/metrics").headers


def test_head_has_the_headers_and_no_body(application):
    answer = application(camera="none").client.head("/metrics")
    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"
    assert int(answer.headers["Content-Length"]) > 1000
    assert answer.data == b""


def test_single_metrics_can_be_asked_for(application, parsed):
    client = application(camera="none").client
    text = client.get("/metrics?name[]=edge_queue_limit&name[]=edge_build_info").text
    assert parsed(text).names == {"edge_queue_limit", "edge_build_info"}


def test_every_server_of_a_process_counts_for_itself(application, scrape, digit):
    first, second = application(camera="none").client, application(camera="none").client
    first.post("/predict", data=digit(0)[0])
    assert scrape(first).one("edge_images_total") == 1
    assert scrape(second).one("edge_images_total") == 0


def test_every_metric_of_the_catalogue_is_exported_somewhere(
    application, board_tree, until, parsed
):
    """On one board or another, with a version that failed: none is declared in vain."""
    names = set()
    for tree in ("pi4", "orin"):
        served = application(camera="demo")
        until(lambda s=served: s.services.camera.grabber.latest() is not None)
        publisher = Publisher(SimpleNamespace(connected=True), Topics("kiosk"), {})
        line = Line(2, max_waiting=2, seconds=30)
        services = dataclasses.replace(served.services, publisher=publisher, line=line)
        client = with_parts(services, tree=board_tree(tree), failing={"1": "It is broken."})
        client.get("/healthz")
        names |= {
            name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
            for name in parsed(client.get("/metrics").text).names
        }
    declared = {metric.name for metric in catalogue.METRICS}
    assert {name for name in names if name.startswith("edge_")} == declared


# It always answers


class Versions:
    """A repository with many versions of its one model."""

    def __init__(self, models, statuses):
        self._models, self._statuses = models, statuses
        self.names = ("digits",)

    def versions(self, name):
        return self._statuses

    def __getattr__(self, name):
        return getattr(self._models, name)


def with_parts(services, *, tree=None, failing=None):
    """A client of an application with another board, and versions that failed for a reason."""
    statuses = tuple(
        VersionStatus("digits", version, State.END, reason)
        for version, reason in (failing or {}).items()
    )
    models = Versions(services.models, statuses) if failing else services.models
    changed = dataclasses.replace(services, models=models)
    metrics = Metrics(changed, read_board=partial(board.read, tree) if tree else board.read)
    app = Application("metrics")
    app.register_blueprint(route.blueprint(metrics))
    return app.test_client()


def test_versions_that_failed_say_why_in_bounds(application, scrape):
    failing = {str(n): f"It is broken\nin place {n}. " + "x" * 500 for n in range(100, 0, -1)}
    client = with_parts(application(camera="none").services, failing=failing)
    got = scrape(client)
    assert len(got.labels("edge_model_state", "version")) == MAX_VERSIONS * len(State)
    reasons = got.labels("edge_model_failure_info", "reason")
    assert len(reasons) == MAX_VERSIONS
    assert reasons[0].startswith("It is broken in place 100. x")
    assert {len(reason) for reason in reasons} == {200}
    assert got.one("edge_model_failure_info", version="100") == 1


def test_an_unloaded_model_is_told_and_its_numbers_stay_for_a_while(application, scrape, digit):
    served = application(camera="none")
    served.client.post("/predict", data=digit(0)[0])
    served.services.models.unload("digits")
    gc.collect()
    got = scrape(served.client)
    assert got.one("edge_model_state", state="END", **DIGITS) == 1
    assert got.one("edge_model_state", state="AVAILABLE", **DIGITS) == 0
    assert got.one("edge_images_total", **DIGITS) == 1
    assert "edge_queue_limit" not in got.names
    served.services.models.load("digits")
    served.client.post("/predict", data=digit(0)[0])
    assert scrape(served.client).one("edge_images_total", **DIGITS) == 2


def test_a_part_that_fails_is_said_and_the_rest_is_told(application, scrape, monkeypatch, caplog):
    served = application(camera="demo")

    def broken():
        raise RuntimeError("The driver is gone.")

    monkeypatch.setattr(served.services.camera.grabber, "status", broken)
    with caplog.at_level(logging.WARNING):
        scrape(served.client)
        got = scrape(served.client)
    assert got.one("edge_metrics_part_failed", part="camera") == 1
    assert got.one("edge_metrics_part_failed", part="models") == 0
    assert got.one("edge_queue_limit") > 0
    assert "edge_camera_frames_total" not in got.names
    said = [r.message for r in caplog.records if "left out" in r.message]
    assert said == ["metrics of the camera are left out: RuntimeError: The driver is gone."]


def test_names_that_are_no_text_do_not_break_it(application, scrape, tmp_path):
    client = application(camera=f"folder:{tmp_path}/caf\udce9").client
    assert "caf?" in scrape(client).labels("edge_camera_info", "description")[0]
