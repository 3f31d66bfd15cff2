"""A request as it is read: the usual first line by us, every other one by cheroot."""

from __future__ import annotations

import io
import socket
import types

import pytest

from edge_server.http import request as module
from edge_server.http.connection import Output
from edge_server.http.gateway import Gateway
from edge_server.http.intake import Intake, Limits
from edge_server.http.request import Request
from edge_server.line import Turn

READ = ("method", "uri", "path", "qs", "authority", "request_protocol", "response_protocol")


def read(data, monkeypatch=None):
    if monkeypatch is not None:  # by cheroot alone
        never = types.SimpleNamespace(fullmatch=lambda _line: None)
        monkeypatch.setattr(module, "_USUAL_LINE", never)
    intake = Intake(Limits(body=1000))
    intake.add(data)
    assert intake.is_complete()
    head, whole = intake.take()
    server = types.SimpleNamespace(ssl_adapter=None, protocol="HTTP/1.1", max_request_body_size=0)
    wfile = io.BytesIO()
    connection = types.SimpleNamespace(head=head, rfile=io.BytesIO(whole), arrived=0.0, wfile=wfile)
    request = Request(server, connection)
    request.parse_request()
    return request


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1",
        b"GET /healthz HTTP/1.0",
        b"POST /predict?top_k=3&threshold=0.5 HTTP/1.1",
        b"POST /v1/models/digits:predict HTTP/1.1",
        b"GET /predict? HTTP/1.1",
        b"GET /?action=stream HTTP/1.1",
        b"GET /a//b/../c;d=e?f=%20&g=? HTTP/1.1",
        b"OPTIONS /predict HTTP/1.1",
    ],
)
def test_the_usual_line_is_read_as_cheroot_reads_it(line, monkeypatch):
    data = line + b"\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    assert module._USUAL_LINE.fullmatch(line)
    usual = read(data)
    cheroots = read(data, monkeypatch)
    for name in READ:
        assert getattr(usual, name) == getattr(cheroots, name), name
    assert usual.ready and cheroots.ready
    assert usual.inheaders == cheroots.inheaders
    assert usual.rfile.read() == cheroots.rfile.read() == b"abc"


@pytest.mark.parametrize(
    "line",
    [
        b"GET /a%20b HTTP/1.1",
        b"GET //elsewhere/a HTTP/1.1",
        b"GET http://elsewhere/a HTTP/1.1",
        b"GET /a#b HTTP/1.1",
        b"GET /a?b#c HTTP/1.1",
        b"get / HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"GET / HTTP/2.0",
        b"GET a HTTP/1.1",
    ],
)
def test_every_other_line_is_left_to_cheroot(line):
    assert not module._USUAL_LINE.fullmatch(line)


def test_escapes_in_an_address_are_undone_and_headers_are_read():
    request = read(b"GET /a%20b?c=%20 HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n")
    assert (request.path, request.qs) == (b"/a b", b"c=%20")
    assert request.inheaders == {b"host": b"a", b"x-one": b"1"}


def test_a_header_that_comes_twice_is_one_list():
    request = read(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: b\r\naccept: c\r\n\r\n")
    assert request.inheaders[b"accept"] == b"b, c"


@pytest.mark.parametrize(
    ("line", "header", "ends"),
    [
        (b"GET / HTTP/1.1", b"", False),
        (b"GET / HTTP/1.1", b"Connection: close\r\n", True),
        (b"GET / HTTP/1.1", b"Connection: Close\r\n", True),
        (b"GET / HTTP/1.0", b"", True),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", False),
    ],
)
def test_the_connection_goes_on_as_the_client_wishes(line, header, ends):
    assert read(line + b"\r\nHost: a\r\n" + header + b"\r\n").close_connection is ends


def answer(headers, chunks, line=b"GET / HTTP/1.1"):
    """What goes out for an application's answer, and whether the connection is kept."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)

        def application(_environ, start_response):
            start_response("200 OK", headers)
            return chunks

        intake = Intake(Limits(body=1000))
        intake.add(line + b"\r\nHost: a\r\n\r\n")
        assert intake.is_complete()
        head, whole = intake.take()
        server = types.SimpleNamespace(
            ssl_adapter=None,
            protocol="HTTP/1.1",
            max_request_body_size=0,
            gateway=Gateway,
            wsgi_app=application,
            software="test",
            server_name="test",
            bind_addr=("127.0.0.1", 80),
        )
        connection = types.SimpleNamespace(
            head=head,
            rfile=io.BytesIO(whole),
            wfile=Output(ours),
            arrived=0.0,
            turn=Turn(),
            is_gone=lambda: False,
            remote_addr="127.0.0.1",
            remote_port=1,
            ssl_env=None,
        )
        request = Request(server, connection)
        request.parse_request()
        try:
            request.respond()
        finally:
            ours.shutdown(socket.SHUT_WR)
            sent = b"".join(iter(lambda: theirs.recv(65536), b""))
        return sent.partition(b"\r\n\r\n"), not request.close_connection


def test_an_answer_of_its_length_keeps_the_connection():
    (head, _, body), is_kept = answer([("Content-Length", "4")], [b"ab", b"cd"])
    assert (body, is_kept) == (b"abcd", True)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 4" in head and b"Transfer-Encoding" not in head


def test_an_answer_that_is_too_short_ends_the_connection():
    """Or its client would take the next answer for the rest."""
    (_, _, body), is_kept = answer([("Content-Length", "4")], [b"ab"])
    assert (body, is_kept) == (b"ab", False)


def test_more_than_was_said_is_not_sent():
    with pytest.raises(ValueError, match="longer than its Content-Length"):
        answer([("Content-Length", "2")], [b"ab", b"cd"])


def test_an_answer_of_no_said_length_comes_in_chunks():
    (head, _, body), is_kept = answer([], [b"ab", b"cdefghijklmn"])
    assert b"Transfer-Encoding: chunked" in head
    assert (body, is_kept) == (b"2\r\nab\r\nc\r\ncdefghijklmn\r\n0\r\n\r\n", True)


def test_to_a_client_of_http_1_0_the_end_says_where_it_ends():
    (head, _, body), is_kept = answer([], [b"ab"], b"GET / HTTP/1.0")
    assert b"Connection: close" in head
    assert (body, is_kept) == (b"ab", False)


def test_a_date_of_the_application_s_own_is_the_only_one():
    date = "Thu, 01 Jan 1970 00:00:00 GMT"
    (head, _, _), _ = answer([("Content-Length", "0"), ("Date", date)], [])
    assert head.lower().count(b"\r\ndate:") == 1
    assert date.encode() in head
