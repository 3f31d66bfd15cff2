"""Uploads that come while every turn is taken: they wait unread, and each gets its answer."""

from __future__ import annotations

import json
import time

import pytest
import requests

from server_here import ServerHere


@pytest.fixture
def serve():
    """Makes a server with one turn, in this process."""
    made = []

    def make(**options):
        made.append(ServerHere(turns=1, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


def upload(body, path="/predict"):
    head = b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    return head % (path.encode(), len(body)) + body


def statuses(connection, count):
    """The next so many answers of a connection that stays open."""
    found, data = [], b""
    while len(found) < count:
        head, separator, rest = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if separator and len(rest) >= length:
            found.append((int(head[9:12]), json.loads(rest[:length])))
            data = rest[length:]
            continue
        more = connection.recv(65536)
        assert more, "the server has closed the connection"
        data += more
    return found


def held(here, connect, until, digit):
    """A connection whose upload has the turn, and waits for the place that the caller holds."""
    first = connect(here, upload(digit(0)[0]))
    until(lambda: here.line.is_taken)
    return first


def test_those_who_wait_are_answered_in_the_order_of_coming(
    serve, connect, until, digit, monkeypatch
):
    here = serve()
    classifier, order = here.services.models.get().classifier, []
    classify = classifier.classify_batch

    def noted(images, **options):
        order.append(images[0])
        return classify(images, **options)

    monkeypatch.setattr(classifier, "classify_batch", noted)
    with here.places.take(1):
        connections = [held(here, connect, until, digit)]
        for number in (1, 2, 3):
            connections.append(connect(here, upload(digit(number)[0])))
            until(lambda wanted=number: here.line.waiting == wanted)
    for number, connection in enumerate(connections):
        [(status, answer)] = statuses(connection, 1)
        assert (status, answer["prediction"]) == (200, digit(number)[1])
    assert order == [digit(number)[0] for number in range(4)]


def test_the_wait_is_part_of_the_time_that_is_told(serve, connect, until, digit):
    here = serve()
    with here.places.take(1):
        held(here, connect, until, digit)
        second = connect(here, upload(digit(1)[0]))
        until(lambda: here.line.waiting == 1)
        time.sleep(0.2)
    [(_, answer)] = statuses(second, 1)
    timing = answer["timing_ms"]
    assert timing["queue"] >= 200
    assert timing["total"] >= timing["queue"]


def test_one_more_than_may_wait_is_turned_away_as_its_route_says(serve, connect, until, digit):
    here = serve(max_waiting=1)
    with here.places.take(1):
        held(here, connect, until, digit)
        connect(here, upload(digit(1)[0]))
        until(lambda: here.line.waiting == 1)
        url = "http://{}:{}".format(*here.address)
        refused = requests.post(url + "/predict", digit(2)[0], timeout=10)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "1 requests wait already" in refused.json()["error"]
        instances = {"instances": [{"b64": "AAAA"}]}
        refused = requests.post(url + "/v1/models/digits:predict", json=instances, timeout=10)
        assert refused.status_code == 503
        assert requests.post(url + "/nowhere", b"x", timeout=10).status_code == 404
        [observed] = here.services.observations.all()
        assert observed.statistics.shed == 2


def test_who_waits_longer_than_a_request_may_take_is_told_so(serve, connect, until, digit):
    here = serve(timeout=0.4)
    with here.places.take(1):
        held(here, connect, until, digit)
        started = time.monotonic()
        second = connect(here, upload(digit(1)[0]))
        [(status, answer)] = statuses(second, 1)
        assert status == 504
        assert "0.4 s" in answer["error"]
        assert time.monotonic() - started < 5


def test_health_and_pages_wait_for_no_upload(serve, connect, until, digit):
    here = serve()
    with here.places.take(1):
        held(here, connect, until, digit)
        connect(here, upload(digit(1)[0]))
        until(lambda: here.line.waiting == 1)
        url = "http://{}:{}".format(*here.address)
        assert requests.get(url + "/healthz", timeout=5).status_code == 200
        assert "edge_requests_waiting 1.0" in requests.get(url + "/metrics", timeout=5).text


def test_requests_that_follow_without_waiting_are_all_answered(serve, connect, digit):
    here = serve()
    # Several to a connection, so that the next is there before the turn of the last has ended.
    connections = [
        connect(here, b"".join(upload(digit(number)[0]) for number in range(5))) for _ in range(4)
    ]
    for connection in connections:
        found = statuses(connection, 5)
        assert [status for status, _ in found] == [200] * 5
        assert [answer["prediction"] for _, answer in found] == [digit(n)[1] for n in range(5)]


def test_a_client_whose_next_request_comes_late_is_answered_too(serve, connect, until, digit):
    here = serve()
    for _ in range(10):
        first, second = connect(here), connect(here)
        for connection in (first, second):
            connection.sendall(upload(digit(0)[0]))
        for connection in (second, first):
            assert statuses(connection, 1)[0][0] == 200
        # By now one of them was laid aside for a thread that has nothing more to do.
        for connection in (first, second):
            time.sleep(0.01)
            connection.sendall(upload(digit(1)[0]))
            assert statuses(connection, 1)[0][0] == 200
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert statuses(connection, 1)[0][0] == 200


def test_a_slow_taker_of_its_answer_ends_its_turn(serve, connect, until, digit, monkeypatch):
    here = serve()
    # An answer that does not fit into the socket's buffers, to a client that takes none of it.
    monkeypatch.setattr(
        "edge_server.routes.predict.jsonify",
        lambda _document: here.services and _large(),
        raising=True,
    )
    slow = connect(here, upload(digit(0)[0]))
    until(lambda: here.places.free == 1 and here.line.waiting == 0)
    monkeypatch.undo()
    other = connect(here, upload(digit(1)[0]))
    assert statuses(other, 1)[0][0] == 200
    slow.close()


def _large():
    from flask import Response

    return Response(b"x" * 30_000_000, mimetype="application/octet-stream")


def test_stopping_answers_those_who_wait(serve, connect, until, digit):
    here = serve()
    with here.places.take(1):
        first = held(here, connect, until, digit)
        second = connect(here, upload(digit(1)[0]))
        until(lambda: here.line.waiting == 1)
    here.stop()
    for connection in (first, second):
        assert statuses(connection, 1)[0][0] == 200
