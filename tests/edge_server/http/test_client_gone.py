"""A client that leaves costs nothing more: neither its place in the queue nor its other images."""

from __future__ import annotations

import base64
import json
import threading
import time

import pytest
import requests

from edge_server import services as services_module
from edge_server.app import create_app
from edge_server.http.front import Options
from edge_server.http.intake import Limits
from edge_server.http.server import Server
from edge_server.inference.runtime import Model
from edge_server.line import Line
from edge_server.settings import Settings


class Here:
    """A server in this process, with one interpreter."""

    def __init__(self):
        self.services = services_module.build(Settings(camera="none", interpreters=1))
        self._server = Server(
            ("127.0.0.1", 0),
            8,
            Options(Limits(body=2**24), 10.0, 2**26),
            Line(8, max_waiting=8, seconds=30),
        )
        self._server.wsgi_app = create_app(self.services)
        self._server.prepare()
        self.address = self._server.bind_addr
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    @property
    def pool(self):
        return self.services.models.get().classifier._places

    def stop(self):
        self._server.stop()
        self._thread.join(20)


@pytest.fixture
def here():
    server = Here()
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
    with here.pool.take(1):
        connections = [connect(here, upload(digit(n)[0])) for n in range(3)]
        until(lambda: here.pool.occupancy.waiting == 3)
        connections[0].close()
        connections[1].close()
        until(lambda: here.pool.occupancy.waiting == 1)
        assert runs == []
    assert connections[2].recv(100).startswith(b"HTTP/1.1 200")
    assert len(runs) == 1
    until(lambda: [r.fields["status"] for r in requests_of(caplog)] == [499, 499, 200])
    assert (here.pool.free, here.pool.occupancy.waiting) == (1, 0)


def test_who_leaves_as_the_turn_comes_is_not_run(here, connect, until, runs, digit, monkeypatch):
    monkeypatch.setattr("edge_server.inference.pool._LOOK_UP", 30.0)  # it does not look up
    with here.pool.take(1):
        connection = connect(here, upload(digit(0)[0]))
        until(lambda: here.pool.occupancy.waiting == 1)
        connection.close()
        time.sleep(0.05)
    until(lambda: here.pool.free == 1)
    assert runs == []


def test_who_leaves_between_images_costs_no_further_ones(here, connect, until, runs, digit):
    images = [base64.b64encode(digit(n)[0]).decode() for n in range(40)]
    connection = connect(here, upload(json.dumps({"images": images}).encode()))
    until(lambda: len(runs) >= 2)
    connection.close()
    until(lambda: here.pool.free == 1)
    time.sleep(0.3)
    assert len(runs) < 10


def test_who_stays_is_answered(here, runs, digit):
    url = "http://{}:{}/predict".format(*here.address)
    picture, label = digit(0)
    assert requests.post(url, picture, timeout=20).json()["prediction"] == label
