"""The server as a process, over real sockets."""

from __future__ import annotations

import json
import logging
import re
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests

from edge_server.http.front import Options
from edge_server.http.intake import Limits
from edge_server.http.server import Server
from edge_server.line import Line

BODY = b"x" * 2**19


def ask(server, data, **options):
    answer = requests.post(server.url + "/predict", data, timeout=20, **options)
    return answer.status_code, answer.json()


def raw(server, data):
    """Sends bytes as they are; gives the status line and the document of the answer."""
    with closing(socket.create_connection(server.address, timeout=20)) as connection:
        connection.sendall(data)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), json.loads(body)


def test_port_0_announces_the_address_that_was_chosen(digits_server):
    host, port = digits_server.address
    assert host == "127.0.0.1"
    assert port > 0
    assert requests.get(digits_server.url + "/healthz", timeout=10).json() == {"status": "alive"}
    assert "--host 0.0.0.0 opens it to the network" in digits_server.log


def test_a_picture_is_answered_over_the_wire(digits_server, digit):
    data, label = digit(0)
    status, answer = ask(digits_server, data)
    assert (status, answer["prediction"]) == (200, label)


def test_a_chunked_upload_is_taken(digits_server, digit):
    data, label = digit(1)
    pieces = iter([data[:1000], data[1000:1001], data[1001:]])
    assert ask(digits_server, pieces)[1]["prediction"] == label


def test_a_chunked_form_is_taken(digits_server, digit):
    data, label = digit(1)
    request = requests.Request("POST", "http://a/", files={"image": data}).prepare()
    kind = {"Content-Type": request.headers["Content-Type"]}
    assert ask(digits_server, iter([request.body]), headers=kind)[1]["prediction"] == label


def test_a_form_is_taken(digits_server, digit):
    pictures = [digit(n) for n in (2, 3)]
    files = [("images", ("a.jpg", data)) for data, _ in pictures]
    answer = requests.post(digits_server.url + "/predict", files=files, timeout=20).json()
    assert answer["predictions"] == [label for _, label in pictures]


def test_two_requests_go_over_one_connection(digits_server, digit):
    with requests.Session() as session:
        for number in (0, 1):
            data, label = digit(number)
            answer = session.post(digits_server.url + "/predict", data, timeout=20)
            assert answer.json()["prediction"] == label


@pytest.mark.parametrize(
    "size", [2**20 + 1, 2 * 2**20 + 1, 40 * 2**20], ids=["over", "far", "huge"]
)
def test_a_body_over_the_limit_is_refused_in_json(size, digits_server):
    status, answer = ask(digits_server, b"x" * size)
    assert status == 413
    assert "limit" in answer["error"]


@pytest.mark.parametrize("pieces", [3, 20])
def test_a_chunked_body_over_the_limit_is_refused_in_json(pieces, digits_server):
    status, answer = ask(digits_server, iter([BODY] * pieces))
    assert status == 413
    assert "limit of 1 MiB" in answer["error"]


def test_a_chunked_jpeg_over_the_limit_is_not_called_torn(digits_server, digit):
    status, answer = ask(digits_server, iter([digit(0)[0], BODY, BODY]))
    assert (status, list(answer)) == (413, ["error"])


@pytest.mark.parametrize(
    "request_",
    [
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: ten\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
    ids=["words", "version", "length", "header", "long header", "long address", "encoding"],
)
def test_what_is_no_http_is_refused_in_json(request_, digits_server):
    status, answer = raw(digits_server, request_)
    assert re.match(r"HTTP/1\.1 (4\d\d|50[15]) ", status), answer
    assert answer["error"].endswith(".")
    assert requests.get(digits_server.url + "/healthz", timeout=10).status_code == 200


def test_a_client_that_leaves_in_the_middle_leaves_no_trace_in_the_log(digits_server, until):
    for _ in range(3):
        connection = socket.create_connection(digits_server.address, timeout=10)
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\nabc"
        )
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    assert requests.get(digits_server.url + "/healthz", timeout=10).status_code == 200
    assert "Traceback" not in digits_server.log


@pytest.mark.parametrize(("level", "trace"), [(logging.WARNING, False), (logging.ERROR, True)])
def test_a_trace_is_logged_for_errors_alone(level, trace, caplog):
    server = Server(
        ("127.0.0.1", 0), 1, Options(Limits(body=1), 1.0, 1), Line(1, max_waiting=1, seconds=30)
    )
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        server.error_log("socket.error", level=level, traceback=True)
    assert caplog.records[-1].levelno == level
    assert ("ZeroDivisionError" in caplog.text) is trace


def test_64_threads_at_once_get_their_own_answers(digits_server, digit):
    pictures = [digit(n) for n in range(64)]
    alone = [ask(digits_server, data)[1]["top_k"] for data, _ in pictures]

    def hammer(number):
        answers = []
        with requests.Session() as session:
            for turn in range(4):
                data, _ = pictures[(number + turn) % 64]
                while True:
                    answer = session.post(digits_server.url + "/predict", data, timeout=30)
                    if answer.status_code != 503:
                        break
                    assert "busy" in answer.json()["error"]  # shed, and told to come back
                answers.append(answer.json().get("top_k"))
        return answers

    with ThreadPoolExecutor(64) as threads:
        together = list(threads.map(hammer, range(64)))
    for number, answers in enumerate(together):
        assert answers == [alone[(number + turn) % 64] for turn in range(4)]


def test_two_interpreters_serve_and_neither_is_tensorflow_s(digits_server):
    assert re.search(r"interpreters=2 threads=\d", digits_server.log)
    maps = Path(f"/proc/{digits_server.popen.pid}/maps").read_text()
    assert re.search(r"ai_edge_litert|tflite_runtime", maps)
    assert "/tensorflow/" not in maps


def test_all_of_the_server_is_imported_without_tensorflow(root):
    script = "import sys, edge_server.server as s; print(*(m in sys.modules for m in sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, "flask", "tensorflow"],
        capture_output=True,
        text=True,
        cwd=root,
        check=True,
    )
    assert done.stdout == "True False\n"
