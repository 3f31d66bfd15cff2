"""The camera at the addresses of ustreamer and mjpg-streamer."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from camera.caption import Caption
from camera.frame import Frame
from camera.lettering import draw
from edge_server import overlay
from edge_server import services as services_module
from edge_server.app import create_app
from edge_server.settings import Settings

SNAPSHOTS = ("/snapshot", "/?action=snapshot", "/camera/snapshot.jpg")
STREAMS = ("/stream", "/?action=stream", "/camera/stream.mjpg")


@pytest.fixture
def served(application, until):
    made = application(camera="demo")
    made.services.start()
    until(made.services.camera.grabber.latest)
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
    assert state["result"]["stream"] == {"queued_fps": 0, "clients": 0, "clients_stat": {}}
    assert state["result"]["encoder"] == {"type": "CPU", "quality": 80}


def test_the_state_tells_viewers_apart_and_how_fast_they_are_served(served):
    slow = served.client.get("/stream?fps=0.1", buffered=False)
    fast = served.client.get("/stream", buffered=False)
    next(iter(slow.response))
    parts = iter(fast.response)
    for _ in range(6):
        next(parts)
    stream = served.client.get("/state").get_json()["result"]["stream"]
    rates = sorted(viewer.pop("fps") for viewer in stream["clients_stat"].values())
    slow.close(), fast.close()
    assert stream["clients"] == 2
    assert rates[0] == 0 and rates[1] >= 3
    assert stream["queued_fps"] == rates[1]
    # As ustreamer says of a viewer that asks for nothing more.
    nothing = ("extra_headers", "advance_headers", "dual_final_frames", "zero_data")
    assert list(stream["clients_stat"].values()) == [dict.fromkeys(nothing, False)] * 2


@pytest.mark.parametrize("address", SNAPSHOTS)
def test_a_snapshot_is_as_wide_as_asked_and_its_headers_say_so(served, address):
    answer = served.client.get(address + ("&" if "?" in address else "?") + "width=333")
    assert Image.open(io.BytesIO(answer.data)).size == (332, 248)
    if "camera" not in address:
        assert answer.headers["X-UStreamer-Width"] == "332"
        assert answer.headers["X-UStreamer-Height"] == "248"
    answer = served.client.get(address + ("&" if "?" in address else "?") + "width=2000")
    assert Image.open(io.BytesIO(answer.data)).size == (640, 480)


@pytest.mark.parametrize("address", SNAPSHOTS)
def test_a_snapshot_with_an_overlay_has_the_answer_to_its_own_frame_on_it(served, address):
    answer = served.client.get(address + ("&" if "?" in address else "?") + "overlay=1")
    live = served.services.camera.live.last
    assert answer.headers["X-Frame-Number"] == str(live.frame.number)
    shown = np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGB")).astype(int)
    best = live.classification.top[0]
    expected = draw(live.frame.pixels, Caption(best.label, f"{best.confidence:.0%}"))
    plain = np.abs(shown - live.frame.pixels)[432:].mean()
    assert np.abs(shown - expected)[432:].mean() < plain / 4


WRONG = {
    "width": ["0", "15", "8193", "-5", "1.5", "wide", "", "٣٢", "9" * 40],
    "fps": ["0", "-1", "121", "nan", "inf", "fast", ""],
    "overlay": ["2", "yes", ""],
}


@pytest.mark.parametrize(
    ("address", "name", "text"),
    [
        (address, name, text)
        for address in (*SNAPSHOTS, *STREAMS)
        for name, texts in WRONG.items()
        for text in texts
        if name != "fps" or address in STREAMS  # one picture has no rate
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_can(digits_camera, address, name, text):
    client = digits_camera.client
    answer = client.get(address.partition("?")[0], query_string=query(address) | {name: text})
    assert answer.status_code == 400
    sentence = answer.get_json()["error"]
    assert sentence.startswith(f"{name} is '{text[:20]}': use ")
    assert digits_camera.services.camera.broadcast.viewers == 0


def query(address):
    return {"action": address.partition("=")[2]} if "?" in address else {}


@pytest.fixture(scope="module")
def digits_camera():
    services = services_module.build(Settings(camera="demo"))
    return SimpleNamespace(client=create_app(services).test_client(), services=services)


def test_an_overlay_says_nothing_of_an_old_answer(served):
    live = served.services.camera.live
    answer = live.newest()
    assert overlay.caption_of(None) is None
    assert overlay.caption_of(replace(answer, sure=True)).words == answer.label
    assert overlay.caption_of(replace(answer, sure=False)).words == f"{answer.label}?"
    frame = answer.frame
    old = Frame(frame.picture, 1, frame.captured_at - 3, frame.captured_monotonic - 3)
    assert overlay.caption_of(replace(answer, frame=old)) is None


def test_a_label_that_cannot_be_written_is_called_by_its_number(served):
    answer = served.services.camera.live.newest()
    top = (replace(answer.classification.top[0], label="\U0001fae8", index=7, confidence=0.934),)
    caption = overlay.caption_of(
        replace(answer, classification=replace(answer.classification, top=top))
    )
    assert (caption.number, caption.instead) == ("93%", "class 7")


@pytest.mark.parametrize("address", [*SNAPSHOTS, *STREAMS, "/state"])
def test_without_a_camera_there_is_a_sentence(application, address):
    answer = application(camera="none").client.get(address)
    assert answer.status_code == 503
    assert "no camera" in answer.get_json()["error"]


@pytest.mark.parametrize("address", SNAPSHOTS)
def test_a_camera_that_is_lost_says_so(application, address, tmp_path):
    served = application(camera=f"file:{tmp_path / 'nothing.mp4'}")
    served.services.start()
    answers = served.client.get(address), served.client.head(address)
    served.services.stop()
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["X-Camera-Online"] == "false"
        assert answer.headers["Retry-After"] == "1"
    assert answers[1].data == b""


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
