"""GET /camera/events of a real server, over real sockets."""

from __future__ import annotations

import json
import re
import shutil
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

PATIENCE = 30.0


@dataclass
class Event:
    name: str
    data: Any
    id: int | None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A camera whose picture a test chooses."""
    return tmp_path_factory.mktemp("folder")


@pytest.fixture(scope="module")
def show(folder, digit):
    """Has the camera see a digit; None takes its pictures away."""

    def choose(index):
        file = folder / "a.jpg"
        if index is None:
            file.unlink()
            return None
        data, label = digit(index)
        (folder / ".new").write_bytes(data)
        shutil.move(folder / ".new", file)
        return label

    choose(0)
    return choose


@pytest.fixture(scope="module")
def served(server, folder, show):
    return server("--port", 0, "--camera", f"folder:{folder}", "--subscribers", 2)


@pytest.fixture
def follow(served, until):
    """Follows the events; all are ended, and counted out, after the test."""
    with ExitStack() as stack:

        def start(query=""):
            address = f"{served.url}/camera/events{query}"
            answer = requests.get(address, stream=True, timeout=30)
            stack.callback(answer.close)
            return answer

        until(lambda: subscribers(served) == 0)
        yield start
    until(lambda: subscribers(served) == 0)


def subscribers(server):
    text = requests.get(server.url + "/metrics", timeout=10).text
    return float(re.search(r"^edge_live_event_subscribers (\S+)", text, re.MULTILINE)[1])


def events(answer):
    """The events as they come, by the rules of the standard that are used here."""
    fields = {}
    end = time.monotonic() + PATIENCE
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        assert time.monotonic() < end, "waited in vain"
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            number = int(fields["id"]) if "id" in fields else None
            yield Event(fields["event"], json.loads(fields["data"]), number)
            fields = {}


def await_prediction(stream, label):
    for event in stream:
        if event.name == "prediction" and event.data["prediction"] == label:
            return event
    raise AssertionError("the events ended")


def test_the_state_of_now_comes_at_once_and_then_each_change(follow, show):
    label = show(0)
    answer = follow()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    stream = events(answer)
    first = next(stream)
    assert first.name == "camera"
    assert first.data["state"] in ("opening", "live")
    seen = await_prediction(stream, label)
    assert seen.id == seen.data["frame"]["number"]
    assert seen.data["sure"] is True
    assert seen.data["model"]["name"] == "digits"
    other = show(1)
    assert other != label
    assert await_prediction(stream, other).id > seen.id


def test_while_nothing_changes_nothing_is_sent_but_with_every(follow, show):
    label = show(0)
    calm, every = events(follow()), events(follow("?every=1"))
    await_prediction(calm, label)
    ids = [await_prediction(every, label).id for _ in range(5)]
    assert ids == sorted(set(ids))
    other = show(1)
    changed = next(event for event in calm if event.name == "prediction")
    assert changed.data["prediction"] == other
    assert changed.id > ids[-1]


def test_a_camera_that_is_lost_and_comes_back_is_told(follow, show):
    label = show(0)
    stream = events(follow())
    await_prediction(stream, label)
    show(None)
    lost = next(event for event in stream if event.name == "camera")
    assert lost.data["state"] == "lost"
    assert "has no pictures" in lost.data["error"]
    show(0)
    # The same digit as before is news now.
    await_prediction(stream, label)


def test_one_too_many_is_turned_away_and_nobody_else_notices(follow, served, show):
    label = show(0)
    first, _ = follow(), follow()
    stream = events(first)
    await_prediction(stream, label)
    third = follow()
    assert third.status_code == 503
    assert third.headers["Retry-After"] == "5"
    assert "All 2 places for subscribers" in third.json()["error"]
    assert requests.get(served.url + "/healthz", timeout=10).status_code == 200
    other = show(1)
    await_prediction(stream, other)


def connect(server):
    connection = socket.create_connection(server.address, timeout=10)
    connection.sendall(b"GET /camera/events HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    return connection


@pytest.mark.parametrize("how", ["closes", "resets"])
def test_a_subscriber_that_leaves_frees_its_thread(how, served, until):
    until(lambda: subscribers(served) == 0)
    connection = connect(served)
    until(lambda: subscribers(served) == 1)
    if how == "resets":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    left = time.monotonic()
    until(lambda: subscribers(served) == 0)
    # It looks twice a second.
    assert time.monotonic() - left < 2


def test_asking_for_the_head_takes_no_place(served, until):
    until(lambda: subscribers(served) == 0)
    answer = requests.head(served.url + "/camera/events", timeout=10)
    assert answer.status_code == 200
    assert subscribers(served) == 0


def test_a_comment_comes_while_nothing_happens(follow):
    lines = follow().iter_lines(chunk_size=1)
    end = time.monotonic() + 20
    assert next(line for line in lines if line == b":" or time.monotonic() > end) == b":"


def test_what_is_not_understood_is_said(served):
    answer = requests.get(served.url + "/camera/events?every=second", timeout=10)
    assert answer.status_code == 400
    assert "use 1 for every answer" in answer.json()["error"]


def test_without_a_camera_the_user_is_told_how_to_get_one(digits_app):
    answer = digits_app.client.get("/camera/events")
    assert answer.status_code == 503
    assert "start it with --camera" in answer.get_json()["error"]


def test_the_server_s_stop_ends_them(server):
    process = server("--port", 0, "--camera", "demo")
    answer = requests.get(process.url + "/camera/events", stream=True, timeout=30)
    stream = events(answer)
    next(stream)
    process.popen.terminate()
    for _ in stream:
        pass
    assert process.end(10) == 0


def test_a_stopped_application_ends_them(application):
    served = application(camera="demo")
    answer = served.client.get("/camera/events", buffered=False)
    chunks = answer.iter_encoded()
    assert next(chunks).startswith(b"retry: ")
    served.services.stop()
    assert len(list(chunks)) <= 2
    answer.close()
