"""The camera at the addresses of ustreamer and mjpg-streamer."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image

SNAPSHOTS = ("/snapshot", "/?action=snapshot", "/camera/snapshot.jpg")
STREAMS = ("/stream", "/?action=stream", "/camera/stream.mjpg")


@pytest.fixture
def served(application):
    made = application(camera="demo")
    made.services.start()
    yield made
    made.services.stop()


@pytest.mark.parametrize("address", SNAPSHOTS)
def test_a_snapshot_is_a_picture_that_pillow_opens(served, address):
    answer = served.client.get(address)
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Camera-Online"] == "true"
    assert Image.open(io.BytesIO(answer.data)).size == (640, 480)


@pytest.mark.parametrize("address", SNAPSHOTS[:2])
def test_ustreamers_headers_come_with_it_and_head_is_answered(served, address):
    for answer in (served.client.get(address), served.client.head(address)):
        assert answer.status_code == 200
        assert answer.headers["X-UStreamer-Online"] == "true"
        assert answer.headers["X-UStreamer-Width"] == "640"
        assert answer.headers["X-UStreamer-Height"] == "480"


@pytest.mark.parametrize("address", STREAMS)
def test_a_stream_shows_the_camera_and_counts_its_viewer(served, address):
    answer = served.client.get(address, buffered=False)
    assert answer.status_code == 200
    boundary = re.fullmatch(r"multipart/x-mixed-replace; ?boundary=(\S+)", answer.content_type)[1]
    parts = iter(answer.response)
    begin = next(parts) + next(parts)
    assert begin.startswith(f"--{boundary}\r\n".encode())
    assert b"image/jpeg" in begin
    assert served.client.get("/state").get_json()["result"]["stream"]["clients"] == 1
    answer.close()
    assert served.client.get("/state").get_json()["result"]["stream"]["clients"] == 0


def test_the_state_is_in_ustreamers_words(served):
    served.client.get("/snapshot")
    state = served.client.get("/state").get_json()
    assert state["ok"] is True
    source = state["result"]["source"]
    assert source["online"] is True
    assert source["resolution"] == {"width": 640, "height": 480}
    assert state["result"]["stream"]["clients_stat"] == {}


@pytest.mark.parametrize("address", [*SNAPSHOTS, *STREAMS, "/state"])
def test_without_a_camera_there_is_a_sentence(application, address):
    answer = application(camera="none").client.get(address)
    assert answer.status_code == 503
    assert "no camera" in answer.get_json()["error"]


@pytest.mark.parametrize("address", SNAPSHOTS)
def test_a_camera_that_is_lost_says_so(application, address, tmp_path):
    served = application(camera=f"file:{tmp_path / 'nothing.mp4'}")
    served.services.start()
    answer = served.client.get(address)
    served.services.stop()
    assert answer.status_code == 503
    assert answer.headers["X-Camera-Online"] == "false"


def test_another_action_is_the_page(served):
    answer = served.client.get("/?action=other", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"


def test_a_token_is_asked_for_where_there_are_tokens(application, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("a-long-enough-secret-token\n")
    tokens.chmod(0o600)
    client = application(camera="demo", token_file=tokens).client
    for address in (*SNAPSHOTS, *STREAMS, "/state"):
        assert client.get(address).status_code == 401
