from __future__ import annotations

import io
import re
import socket
import threading
import time
from contextlib import ExitStack, closing
from datetime import datetime, timezone

import pytest
import requests
from PIL import Image

from camera import mjpeg

PATHS = ["snapshot.jpg", "stream.mjpg", "prediction"]


@pytest.fixture
def demo(application, until):
    served = application()
    until(served.services.camera.grabber.latest)
    return served


@pytest.fixture
def watch(digits_server, until):
    """Opens streams of the real server; all are closed, and counted out, after the test."""
    with ExitStack() as stack:

        def start():
            answer = requests.get(
                digits_server.url + "/camera/stream.mjpg", stream=True, timeout=10
            )
            stack.callback(answer.close)
            return answer

        until(lambda: viewers(digits_server) == 0)
        yield start
    until(lambda: viewers(digits_server) == 0)


def viewers(server):
    return requests.get(server.url + "/readyz", timeout=10).json()["camera"]["viewers"]


def parts(stream):
    """The parts of a stream as they come: headers and JPEG; checks the framing."""
    file = stream.raw
    assert file.readline() == b"--" + mjpeg.BOUNDARY.encode() + b"\r\n"
    while True:
        headers = {}
        while (line := file.readline()) != b"\r\n":
            assert line, "the stream ended"
            name, _, value = line.decode().partition(": ")
            headers[name] = value.strip()
        jpeg = file.read(int(headers["Content-Length"]))
        # The boundary stands behind the picture, or a browser would show it a frame late.
        assert file.read(2) == b"\r\n"
        assert file.readline() == b"--" + mjpeg.BOUNDARY.encode() + b"\r\n"
        yield headers, jpeg


def test_a_snapshot_is_the_newest_frame(demo):
    answer = demo.client.get("/camera/snapshot.jpg")
    assert answer.status_code == 200
    assert answer.mimetype == "image/jpeg"
    assert Image.open(io.BytesIO(answer.data)).size == (640, 480)
    assert int(answer.headers["X-Frame-Number"]) >= 1
    assert abs(float(answer.headers["X-Timestamp"]) - time.time()) < 10


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_camera_is_kept_by_caches(path, demo):
    answer = demo.client.get(f"/camera/{path}", buffered=False)
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Expires"].endswith("1970 00:00:00 GMT")
    answer.close()


def test_the_live_prediction_names_frame_and_camera(demo):
    answer = demo.client.get("/camera/prediction")
    document = answer.get_json()
    assert answer.status_code == 200
    assert document["prediction"] == document["top_k"][0]["label"]
    assert document["model"]["name"] == "digits"
    frame, camera = document["frame"], document["camera"]
    assert frame["number"] >= 1
    assert 0 <= frame["age_ms"] < 2000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", frame["captured_at"])
    taken = datetime.fromisoformat(frame["captured_at"].replace("Z", "+00:00"))
    assert abs((datetime.now(timezone.utc) - taken).total_seconds()) < 10
    assert camera["state"] == "live"
    assert camera["description"].startswith("demo: ")
    assert camera["size"] == [640, 480]
    assert camera["error"] is None


def test_the_live_prediction_is_that_of_the_digit_that_is_shown(demo, digit):
    # The demo shows the digits in their order, twenty frames each.
    for _ in range(3):
        document = demo.client.get("/camera/prediction").get_json()
        shown = (document["frame"]["number"] - 1) // 20
        assert document["prediction"] == digit(shown)[1]


def test_a_folder_of_pictures_is_a_camera(application, digit, tmp_path, until):
    data, label = digit(12)
    (tmp_path / "a.jpg").write_bytes(data)
    served = application(camera=f"folder:{tmp_path}")
    until(served.services.camera.grabber.latest)
    document = served.client.get("/camera/prediction").get_json()
    assert document["prediction"] == label
    assert document["camera"]["description"] == f"folder: {tmp_path.name}"


@pytest.mark.parametrize("path", PATHS)
def test_without_a_camera_the_user_is_told_how_to_get_one(path, digits_app):
    answer = digits_app.client.get(f"/camera/{path}")
    assert answer.status_code == 503
    assert "start it with --camera" in answer.get_json()["error"]
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("path", ["snapshot.jpg", "prediction"])
def test_a_camera_that_gives_nothing_says_why(path, application, tmp_path, until):
    served = application(camera=f"folder:{tmp_path}")
    until(lambda: served.services.camera.grabber.status().error)
    answer = served.client.get(f"/camera/{path}")
    assert answer.status_code == 503
    assert "has no pictures; put JPEG or PNG files there." in answer.get_json()["error"]


def test_a_camera_that_gives_nothing_streams_a_picture_that_says_so(application, tmp_path):
    served = application(camera=f"folder:{tmp_path}")
    answer = served.client.get("/camera/stream.mjpg", buffered=False)
    body = b""
    for chunk in answer.iter_encoded():
        body += chunk
        if body.count(mjpeg.BOUNDARY.encode()) == 2:
            break
    answer.close()
    picture = Image.open(io.BytesIO(body[body.index(b"\xff\xd8") :]))
    assert picture.size == (640, 480)


def test_a_stream_is_parts_each_with_a_whole_picture(watch):
    stream = watch()
    assert stream.status_code == 200
    assert stream.headers["Content-Type"] == mjpeg.CONTENT_TYPE
    stamps = []
    for headers, jpeg in parts(stream):
        assert headers["Content-Type"] == "image/jpeg"
        assert Image.open(io.BytesIO(jpeg)).size == (640, 480)
        assert jpeg.endswith(b"\xff\xd9")
        stamps.append(float(headers["X-Timestamp"]))
        if len(stamps) == 5:
            break
    assert stamps == sorted(set(stamps))


def test_viewers_are_counted_and_counted_out_when_they_leave(watch, digits_server, until):
    first, second = watch(), watch()
    next(parts(first)), next(parts(second))
    assert viewers(digits_server) == 2
    first.close()
    until(lambda: viewers(digits_server) == 1)
    second.close()
    until(lambda: viewers(digits_server) == 0)


def test_a_viewer_too_many_is_turned_away_and_nobody_else_notices(watch, digits_server, digit):
    stream = parts([watch(), watch()][0])
    next(stream)
    third = watch()
    assert third.status_code == 503
    assert third.headers["Retry-After"] == "1"
    assert "All 2 places for viewers" in third.json()["error"]
    assert requests.get(digits_server.url + "/healthz", timeout=10).json() == {"status": "alive"}
    data, label = digit(0)
    answer = requests.post(digits_server.url + "/predict", data, timeout=10).json()
    assert answer["prediction"] == label
    assert next(stream)[1].startswith(b"\xff\xd8")


def test_a_viewer_that_vanishes_without_reading_is_counted_out(digits_server, until):
    until(lambda: viewers(digits_server) == 0)
    connection = socket.create_connection(digits_server.address, timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(b"GET /camera/stream.mjpg HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: viewers(digits_server) == 1)
    # A reset in the middle of a picture, as when a tablet is switched off.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    until(lambda: viewers(digits_server) == 0)


def test_asking_for_the_head_of_a_stream_takes_no_place(digits_server):
    answer = requests.head(digits_server.url + "/camera/stream.mjpg", timeout=10)
    assert answer.status_code == 200
    assert viewers(digits_server) == 0


def test_many_who_poll_predictions_and_snapshots_are_all_answered(digits_server):
    wrong = []

    def poll():
        with closing(requests.Session()) as session:
            for path in ("prediction", "snapshot.jpg") * 10:
                answer = session.get(f"{digits_server.url}/camera/{path}", timeout=20)
                if answer.status_code != 200:
                    wrong.append(answer.text)

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
