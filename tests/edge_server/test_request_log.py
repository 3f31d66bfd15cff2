"""One line a request, over real sockets."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import socket
import threading
import time
from contextlib import closing

import pytest
import requests

from edge_server.http.front import Options
from edge_server.http.intake import Limits
from edge_server.http.server import Server
from edge_server.line import Line
from edge_server.logs import JsonFormatter

SECRET = "c2VjcmV0-token-0123456789"


@pytest.fixture(scope="module")
def json_server(server):
    """The demo, logging JSON with all details; 1 MiB a request."""
    return server(
        *("--port", 0, "--log-format", "json", "--log-level", "debug", "--max-body", 1),
        *("--interpreters", 1),
    )


@pytest.fixture
def url(json_server):
    return json_server.url


def documents(process):
    """The records; LiteRT itself says a line in plain text."""
    lines = process.log.splitlines()
    return [json.loads(line) for line in lines if not line.startswith("INFO: Created")]


def lines_of(process, request_id, until):
    """The lines of a request, once there are any."""

    def found():
        return [d for d in documents(process) if d.get("request_id") == request_id]

    until(lambda: any(document["message"] == "request" for document in found()))
    return found()


def raw(process, data):
    with closing(socket.create_connection(process.address, timeout=20)) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")


def id_of(answer):
    return re.search(r"^x-request-id: (\S+)\r$", answer, re.MULTILINE | re.IGNORECASE)[1]


def test_a_prediction_s_line_has_what_an_operator_asks_for(json_server, url, digit, until):
    data, _ = digit(0)
    answer = requests.post(
        url + f"/predict?token={SECRET}", data, headers={"X-Request-ID": "mine-1"}, timeout=20
    )
    assert answer.headers["X-Request-ID"] == "mine-1"
    (line,) = lines_of(json_server, "mine-1", until)
    assert 0 < line.pop("ms") < 20_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "logger": "edge_server.http.request",
        "message": "request",
        "request_id": "mine-1",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "bytes_in": len(data),
        "bytes_out": len(answer.content),
        "model": "digits",
        "version": "1",
        "images": 1,
    }


def test_an_id_is_made_where_none_was_sent(json_server, url, until):
    with requests.Session() as session:
        ids = [session.get(url + "/healthz", timeout=20).headers["X-Request-ID"] for _ in "ab"]
    assert ids[0] != ids[1]
    for made in ids:
        assert re.fullmatch(r"[0-9a-f]{32}", made)
        assert len(lines_of(json_server, made, until)) == 1


@pytest.mark.parametrize("sent", ["two words", "a" * 129, "\xe4"])
def test_an_id_that_is_not_sane_is_not_taken_over(sent, url):
    answer = requests.get(
        url + "/healthz", headers={"X-Request-ID": sent.encode("latin-1")}, timeout=20
    )
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_an_error_has_its_id_too(json_server, url, until):
    answer = requests.get(url + "/nothing", headers={"X-Request-ID": "e-404"}, timeout=20)
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (404, "e-404")
    (line,) = lines_of(json_server, "e-404", until)
    assert (line["status"], line["path"]) == (404, "/nothing")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET /x HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n", 413),
    ],
    ids=["words", "version", "header", "long address", "huge"],
)
def test_what_never_reaches_the_application_has_its_line(request_, status, json_server, until):
    answer = raw(json_server, request_)
    assert answer.startswith(f"HTTP/1.1 {status} ")
    (line,) = lines_of(json_server, id_of(answer), until)
    assert line["status"] == status
    assert line["bytes_in"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/a%0d%0alevel=critical%20message=forged",
        "/a%E2%80%A8forged",
        "/a%C2%85%22%20status=200",
        '/a"b\\c',
        "/a\u2028b",
        "/\x1b[2Jb",
    ],
)
@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_path_forges_no_line(path, kind, json_server, digits_server, until):
    process = json_server if kind == "json" else digits_server
    answer = raw(process, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    until(lambda: id_of(answer) in process.log)
    (line,) = (line for line in process.log.split("\n") if id_of(answer) in line)
    assert line.isascii()
    assert line.isprintable()
    assert " message=forged" not in line
    assert len(line) < 600
    assert line.count("status=" if kind == "text" else '"status"') >= 1


def test_a_long_path_is_cut(json_server, url, until):
    requests.get(url + "/" + "x" * 5000, headers={"X-Request-ID": "long"}, timeout=20)
    (line,) = lines_of(json_server, "long", until)
    assert line["path"] == "/" + "x" * 255 + "..."


def test_tokens_are_never_logged(json_server, url, digit, monkeypatch, until):
    for path, method in (("/predict", "post"), ("/nothing", "get"), ("/camera/prediction", "get")):
        for value in (f"Bearer {SECRET}", f"Basic {SECRET}", SECRET):
            headers = {"Authorization": value, "Cookie": SECRET, "X-Api-Key": SECRET}
            getattr(requests, method)(
                f"{url}{path}?token={SECRET}", data=SECRET, headers=headers, timeout=20
            )
    raw(json_server, f"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization {SECRET}\r\n\r\n".encode())
    raw(json_server, f"GET /x HTTP/1.0\r\nAuthorization: {SECRET}\r\n\r\n".encode())
    requests.get(url + "/healthz", headers={"X-Request-ID": "last"}, timeout=20)
    lines_of(json_server, "last", until)
    assert SECRET not in json_server.log


def test_neither_right_nor_wrong_tokens_are_logged(server, tmp_path, until):
    file = tmp_path / "tokens"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    process = server("--port", 0, "--token-file", file, "--log-level", "debug", "--camera", "none")
    wrong = SECRET.replace("token", "guess")
    for given in (SECRET, wrong):
        for login in ({"headers": {"Authorization": f"Bearer {given}"}}, {"auth": ("me", given)}):
            answer = requests.get(process.url + "/metrics?token=" + given, timeout=20, **login)
            assert answer.status_code == (200 if given == SECRET else 401)
            until(lambda id_=answer.headers["X-Request-ID"]: f"{id_} client=" in process.log)
    assert SECRET not in process.log
    assert wrong not in process.log


def test_an_error_that_nobody_foresaw_has_the_request_s_id(caplog, until):
    """The server in this process, with an application that fails at once or in its stream."""

    def stream():
        yield b"some"
        raise ValueError("a\nb")

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/at-once":
            raise ValueError("a\nb")
        start_response("200 OK", [])
        return stream()

    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(JsonFormatter())
    log = logging.getLogger("edge_server")
    caplog.set_level("INFO", "edge_server")
    log.addHandler(handler)
    server = Server(
        ("127.0.0.1", 0),
        1,
        Options(Limits(body=1000), 10.0, 1000),
        Line(1, max_waiting=1, seconds=30),
    )
    server.wsgi_app = application
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        for path in ("at-once", "later"):
            url = f"http://127.0.0.1:{server.bind_addr[1]}/{path}"
            with contextlib.suppress(requests.exceptions.ChunkedEncodingError):
                answer = requests.get(url, headers={"X-Request-ID": path}, timeout=20)
                assert answer.headers["X-Request-ID"] == path
            until(lambda path=path: f'"path": "/{path}"' in said.getvalue())
    finally:
        server.stop()
        thread.join()
        log.removeHandler(handler)
    for path in ("at-once", "later"):
        documents = [json.loads(line) for line in said.getvalue().splitlines()]
        trace, line = (d for d in documents if d.get("request_id") == path)
        assert "ValueError: a\nb" in trace["trace"]
        assert (line["message"], line["aborted"]) == ("request", True)
        assert line["status"] == (200 if path == "later" else 500)


def test_a_chunked_upload_is_counted(json_server, url, digit, until):
    data, _ = digit(1)
    requests.post(
        url + "/predict", iter([data[:500], data[500:]]), headers={"X-Request-ID": "c"}, timeout=20
    )
    (line,) = lines_of(json_server, "c", until)
    assert len(data) < line["bytes_in"] < len(data) + 50


def test_a_stream_has_one_line_at_its_end(json_server, url, until):
    headers = {"X-Request-ID": "stream-1"}
    with requests.get(
        url + "/camera/stream.mjpg", headers=headers, stream=True, timeout=20
    ) as stream:
        assert stream.headers["X-Request-ID"] == "stream-1"
        began = time.monotonic()
        seen = len(next(stream.iter_content(20_000)))
        assert not [d for d in documents(json_server) if d.get("request_id") == "stream-1"]
    (line,) = lines_of(json_server, "stream-1", until)
    assert (line["status"], line["aborted"]) == (200, True)
    assert line["bytes_out"] >= seen
    assert 0 < line["ms"] / 1e3 < time.monotonic() - began + 1


def test_a_client_that_sends_nothing_is_no_request(json_server, url, until):
    before = sum(d["message"] == "request" for d in documents(json_server))
    with closing(socket.create_connection(json_server.address, timeout=20)):
        pass
    requests.get(url + "/healthz", headers={"X-Request-ID": "after"}, timeout=20)
    lines_of(json_server, "after", until)
    assert sum(d["message"] == "request" for d in documents(json_server)) == before + 1


def test_an_error_before_serving_is_a_record_of_a_json_log(server, root):
    process = server("--port", 0, "--log-format", "json", "--model", root / "README.md")
    assert process.end() == 2
    last = json.loads(process.log.splitlines()[-1])
    assert last["level"] == "critical"
    assert "README.md is not a .tflite model" in last["message"]


@pytest.mark.parametrize("path", ["/camera/snapshot.jpg", "/camera/prediction", "/kiosk.json"])
def test_what_a_page_asks_for_all_day_is_no_line_unless_details_are_wanted(
    path, json_server, url, digits_server, until
):
    name = path.strip("/").replace("/", "-")
    until(lambda: requests.get(url + path, timeout=20).status_code == 200)
    requests.get(url + path, headers={"X-Request-ID": name}, timeout=20)
    (line,) = (d for d in lines_of(json_server, name, until) if d["message"] == "request")
    assert line["level"] == "debug"
    until(lambda: requests.get(digits_server.url + path, timeout=20).status_code == 200)
    requests.get(f"{digits_server.url}/nothing-{name}", timeout=20)
    until(lambda: f"/nothing-{name}" in digits_server.log)
    assert f"path={path} " not in digits_server.log
