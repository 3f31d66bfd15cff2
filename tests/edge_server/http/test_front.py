"""Clients that are slow, many, rude or gone, over real sockets: the others notice nothing."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

import pytest
import requests

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
ALIVE = (200, {"status": "alive"})


def upload(length, *fields):
    head = [b"POST /predict HTTP/1.1", b"Host: a", b"Content-Length: %d" % length, *fields]
    return b"\r\n".join(head) + b"\r\n\r\n"


def is_alive(process):
    """Health is answered, and soon."""
    began = time.monotonic()
    answer = requests.get(process.url + "/healthz", timeout=5)
    return answer.json() == ALIVE[1] and time.monotonic() - began < 2


def threads_of(process):
    return int(re.search(r"Threads:\s+(\d+)", status_of(process))[1])


def status_of(process):
    return Path(f"/proc/{process.popen.pid}/status").read_text()


@pytest.mark.parametrize(
    "data",
    [b"", b"G", HEALTH[:-2], upload(100_000), upload(100_000) + b"x" * 99_999],
    ids=["silent", "a byte", "a head", "no body", "a body"],
)
def test_500_connections_that_get_nowhere_stop_nobody(data, server, connect, digit):
    process = server("--port", 0, "--camera", "none")
    picture, label = digit(0)
    assert requests.post(process.url + "/predict", picture, timeout=20).ok
    before = threads_of(process)
    held = [connect(process, data) for _ in range(500)]
    for _ in range(3):
        assert is_alive(process)
        answer = requests.post(process.url + "/predict", picture, timeout=20)
        assert answer.json()["prediction"] == label
    # Each request is answered by a thread that waits, or by a new one: of few.
    assert threads_of(process) <= before + 4
    assert len(held) == 500


def test_beyond_the_most_connections_the_one_that_waited_longest_makes_room(server, connect):
    process = server("--port", 0, "--camera", "none")
    process.url  # noqa: B018
    held = [connect(process) for _ in range(600)]
    assert is_alive(process)
    assert held[0].recv(10) == b""  # the first has made room
    held[-1].sendall(CLOSE)
    assert held[-1].recv(20).startswith(b"HTTP/1.1 200")


def test_a_head_that_comes_byte_by_byte_is_answered(host, connect, read):
    connection = connect(host)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in CLOSE:
        connection.sendall(bytes([byte]))
        time.sleep(0.002)
    assert read(connection) == [ALIVE]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_comes_too_slowly_is_given_up_with_a_sentence(chunked, host, connect, read):
    data = upload(50_000)
    if chunked:
        data = b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection = connect(host, data)
    began = time.monotonic()
    with pytest.raises(OSError):
        for _ in range(400):  # a byte now and then does not keep it open
            connection.sendall(b"1\r\nx\r\n" if chunked else b"x")
            time.sleep(0.02)
            if time.monotonic() - began > 1:
                connection.settimeout(0.02)
                try:
                    answer = connection.recv(65536)
                except TimeoutError:
                    continue
                assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
                assert b"did not come to its end in time" in answer
                raise ConnectionResetError
    assert 0.9 < time.monotonic() - began < 5


def test_a_head_that_never_ends_is_given_up(server, connect, read, monkeypatch):
    process = server("--port", 0, "--camera", "none")
    silent, begun = connect(process), connect(process, b"GET / HTTP/1.1\r\n")
    began = time.monotonic()
    ((status, document),) = read(begun)
    assert (status, document["error"][-1]) == (408, ".")
    assert 9 < time.monotonic() - began < 14
    assert read(silent) == []  # it asked for nothing, and is told nothing


def test_requests_that_follow_each_other_without_waiting_are_answered_in_order(
    host, connect, read, digit
):
    (first, one), (second, two) = digit(0), digit(1)
    together = [HEALTH, upload(len(first)) + first, upload(len(second)) + second, CLOSE]
    connection = connect(host, b"".join(together))
    found = read(connection)
    assert [status for status, _ in found] == [200] * 4
    assert [d.get("prediction") for _, d in found] == [None, one, two, None]


def test_http_1_0_gets_its_answer_and_the_end(host, connect, read):
    assert read(connect(host, b"GET /healthz HTTP/1.0\r\n\r\n")) == [ALIVE]


def test_who_closes_its_half_gets_the_answer_still(host, connect, read):
    connection = connect(host, HEALTH)
    connection.shutdown(socket.SHUT_WR)
    assert read(connection)[:1] == [ALIVE]


def test_100_continue_is_said_before_the_body_and_once(host, connect, read, digit):
    picture, label = digit(0)
    connection = connect(host, upload(len(picture), b"Expect: 100-continue", b"Connection: close"))
    assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(picture)
    ((status, document),) = read(connection)
    assert (status, document["prediction"]) == (200, label)


def test_a_body_that_is_too_large_is_not_asked_for(host, connect, read):
    ((status, document),) = read(connect(host, upload(2**20 + 1, b"Expect: 100-continue")))
    assert (status, document["error"][:37]) == (413, "The request is over the limit of 1 Mi")


def test_a_chunked_body_that_is_too_large_is_not_read_to_its_end(host, connect, read):
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    ((status, _),) = read(connect(host, head + b"100001\r\n"))
    assert status == 413


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
        (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ],
)
def test_what_is_refused_is_refused_with_its_status_and_a_sentence(
    data, status, host, connect, read
):
    connection = connect(host, data)
    ((found, document),) = read(connection)
    assert found == status
    assert list(document) == ["error"]
    assert document["error"].endswith(".")


def test_headers_with_underscores_do_not_pass_for_others(server, connect, read, tmp_path):
    token = tmp_path / "tokens"
    token.write_text("0123456789abcdef\n")
    token.chmod(0o600)
    process = server("--port", 0, "--camera", "none", "--token-file", token)
    sent = b"GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nConnection: close\r\n\r\n"
    assert read(connect(process, sent))[0][0] == 401


def test_a_viewer_that_takes_nothing_is_let_go_and_holds_nobody_up(server, connect, until):
    process = server("--port", 0, "--viewers", 1)
    viewer = connect(process, b"GET /camera/stream.mjpg HTTP/1.1\r\nHost: a\r\n\r\n")
    assert viewer.recv(20).startswith(b"HTTP/1.1 200")
    stream = process.url + "/camera/stream.mjpg"
    assert requests.get(stream, stream=True, timeout=10).status_code == 503
    began = time.monotonic()

    def viewers():
        assert is_alive(process)
        return requests.get(process.url + "/readyz", timeout=10).json()["camera"]["viewers"]

    until(lambda: viewers() == 0, 60)
    assert time.monotonic() - began > 4


def test_the_server_names_itself_without_a_version(host):
    answer = requests.get(host.url + "/healthz", timeout=10)
    assert answer.headers["Server"] == "edge-server"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_bodies_beyond_the_memory_for_them_are_refused_and_health_is_not(
    server, connect, read, digit
):
    process = server("--port", 0, "--camera", "none", "--max-body", 1)
    held = [connect(process, upload(2**20) + b"x" * 1_000_000) for _ in range(6)]
    assert is_alive(process)
    refused = []
    for connection in held:
        connection.settimeout(1)
        try:
            refused.append(connection.recv(100))
        except TimeoutError:
            continue
    assert refused
    assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in refused)
    assert len(refused) <= 3
    for connection in held:
        connection.close()
    picture, label = digit(0)
    answer = requests.post(process.url + "/predict", picture, timeout=20)
    assert answer.json()["prediction"] == label  # what they held is given back


def test_an_upload_that_has_begun_is_answered_when_the_server_is_stopped(
    server, connect, read, digit
):
    process = server("--port", 0, "--camera", "none")
    picture, label = digit(0)
    idle = connect(process, HEALTH)
    assert idle.recv(1000).startswith(b"HTTP/1.1 200")
    connection = connect(process, upload(len(picture)) + picture[:100])
    assert is_alive(process)
    process.popen.terminate()
    process.wait_for("(stopping)")
    time.sleep(0.7)
    connection.sendall(picture[100:])
    ((status, document),) = read(connection)
    assert (status, document["prediction"]) == (200, label)
    assert process.end(12) == 0


def test_what_is_refused_before_the_application_is_counted(server, connect):
    process = server("--port", 0, "--camera", "none")
    process.url  # noqa: B018, it is ready then
    refused = [
        b"GET / HTTP/1.1\r\n\r\n",  # without Host
        b"POST /predict HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n",
        b"GET a HTTP/1.1\r\nHost: a\r\n\r\n",
    ]
    for data in refused:
        assert connect(process, data).recv(20).startswith(b"HTTP/1.1 4")
    told = requests.get(process.url + "/metrics", timeout=10).text
    for method, status in (("GET", 400), ("POST", 417)):
        labels = f'{{method="{method}",route="other",status="{status}"}}'
        assert f"edge_http_requests_total{labels} {2.0 if status == 400 else 1.0}" in told
