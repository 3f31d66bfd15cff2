"""A client that leaves costs nothing more: neither its place in the queue nor its other images."""

from __future__ import annotations

import base64
import json
import time

import pytest
import requests

from edge_server.inference.runtime import Model
from server_here import ServerHere


@pytest.fixture
def here():
    server = ServerHere()
    yield server
    server.stop()


@pytest.fixture
def runs(here, monkeypatch):
    """What models ran, from now on; each run takes 50 ms."""
    seen, run = [], Model.run

    def counted(model, tensor):
        seen.append(model)
        time.sleep(0.05)
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", counted)
    return seen


def requests_of(caplog):
    """The records of requests that are over."""
    return sorted(
        (r for r in caplog.records if r.getMessage() == "request"),
        key=lambda record: -record.fields["status"],
    )


def upload(body):
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


def test_who_leaves_while_queued_is_never_run(here, connect, until, runs, digit, caplog):
    caplog.set_level("INFO")
    with here.places.take(1):
        connections = [connect(here, upload(digit(n)[0])) for n in range(3)]
        until(lambda: here.places.occupancy.waiting == 3)
        connections[0].close()
        connections[1].close()
        until(lambda: here.places.occupancy.waiting == 1)
        assert runs == []
    assert connections[2].recv(100).startswith(b"HTTP/1.1 200")
    assert len(runs) == 1
    until(lambda: [r.fields["status"] for r in requests_of(caplog)] == [499, 499, 200])
    assert (here.places.free, here.places.occupancy.waiting) == (1, 0)


def test_who_leaves_as_the_turn_comes_is_not_run(here, connect, until, runs, digit, monkeypatch):
    monkeypatch.setattr("edge_server.inference.pool._LOOK_UP", 30.0)  # it does not look up
    with here.places.take(1):
        connection = connect(here, upload(digit(0)[0]))
        until(lambda: here.places.occupancy.waiting == 1)
        connection.close()
        time.sleep(0.05)
    until(lambda: here.places.free == 1)
    assert runs == []


def test_who_leaves_between_images_costs_no_further_ones(here, connect, until, runs, digit):
    images = [base64.b64encode(digit(n)[0]).decode() for n in range(40)]
    connection = connect(here, upload(json.dumps({"images": images}).encode()))
    until(lambda: len(runs) >= 2)
    connection.close()
    until(lambda: here.places.free == 1)
    time.sleep(0.3)
    assert len(runs) < 10


def test_who_stays_is_answered(here, runs, digit):
    url = "http://{}:{}/predict".format(*here.address)
    picture, label = digit(0)
    assert requests.post(url, picture, timeout=20).json()["prediction"] == label
