from __future__ import annotations

import pytest

from edge_server.http.intake import Intake, Limits
from edge_server.http.refusal import Refusal

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def post(length, *fields):
    head = [b"POST / HTTP/1.1", b"Host: a", b"Content-Length: %d" % length, *fields]
    return b"\r\n".join(head) + b"\r\n\r\n"


def requests(data, step=None, **limits):
    """The requests that are cut out of bytes which come `step` at a time, and what is left."""
    intake = Intake(Limits(**({"body": 2**20} | limits)))
    found = []
    for start in range(0, len(data), step or len(data)):
        intake.add(data[start : start + (step or len(data))])
        while intake.is_complete():
            found.append(intake.take()[1])
    return found, len(intake)


@pytest.mark.parametrize("step", [1, 2, 3, 7, None])
@pytest.mark.parametrize(
    "request_",
    [
        GET,
        b"GET /healthz HTTP/1.0\r\n\r\n",
        post(0),
        post(5) + b"hello",
        post(4, b"Expect: 100-continue") + b"\r\n\r\n",
        CHUNKED + b"0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n00A;name=value\r\n" + b"\r\n" * 6 + b"0\r\n\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\nChecksum: 1\r\nOther: 2\r\n\r\n",
    ],
)
def test_a_request_ends_where_it_ends_however_it_comes(request_, step):
    """And so do those that come after it on the same connection, without waiting."""
    assert requests(request_ + request_ + GET + b"GET", step) == ([request_, request_, GET], 3)


def test_line_ends_between_requests_are_passed_over():
    assert requests(b"\r\n" + GET + b"\r\n\n" + GET) == ([GET, GET], 0)


def test_what_is_waited_for_is_known():
    intake = Intake(Limits(body=100))
    intake.add(post(3, b"Expect: 100-Continue")[:-1])
    assert (intake.is_complete(), intake.has_head) == (False, False)
    intake.add(b"\n")
    assert (intake.is_complete(), intake.has_head, intake.expects_continue) == (False, True, True)
    intake.add(b"abc" + GET)
    assert intake.is_complete()
    intake.take()
    assert (intake.has_head, intake.expects_continue) == (False, False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /" + b"x" * 9000, 414),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 33_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 33_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431),
        (post(101), 413),
        (post(10**14), 413),
        (CHUNKED + b"65\r\n", 413),
        (CHUNKED + b"32\r\n" + b"x" * 50 + b"\r\n33\r\n", 413),
        (CHUNKED + b"1\r\nx\r\n" * 101, 413),
        (CHUNKED + b"0\r\n" + b"X: y\r\n" * 20_000, 413),
    ],
)
def test_what_is_too_much_is_refused_before_all_of_it_is_there(data, status):
    with pytest.raises(Refusal) as caught:
        requests(data, body=100)
    assert caught.value.status == status


def test_as_much_as_the_limits_allow_is_taken():
    fields = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 99 + b"\r\n"
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 32_000 + b"\r\n\r\n"
    address = b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    body = post(100) + b"x" * 100
    chunks = CHUNKED + b"1\r\nx\r\n" * 100 + b"0\r\n\r\n"
    for request in (fields, head, address, body, chunks):
        assert requests(request, body=100) == ([request], 0)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: y\x00\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        CHUNKED + b"five\r\n",
        CHUNKED + b"-5\r\n",
        CHUNKED + b"0x5\r\n",
        CHUNKED + b"\r\n",
        CHUNKED + b"2\r\nabc\r\n",
        CHUNKED + b"1;" + b"x" * 2000,
    ],
)
def test_what_two_readers_could_read_differently_is_refused(data):
    with pytest.raises(Refusal) as caught:
        requests(data)
    assert caught.value.status == 400
    assert str(caught.value).startswith("The request is not valid HTTP: ")


@pytest.mark.parametrize(
    ("field", "status"),
    [(b"Transfer-Encoding: gzip, chunked", 501), (b"Expect: tea", 417)],
)
def test_what_is_not_offered_is_said(field, status):
    with pytest.raises(Refusal) as caught:
        requests(b"POST / HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n")
    assert caught.value.status == status


def test_an_answer_of_refusal_is_json_with_its_length():
    head, _, body = Refusal(503, "Busy.").to_bytes("id-1").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nRetry-After: 1" in head
    assert b"\r\nX-Request-ID: id-1\r\n" in head
    assert b"\r\nContent-Length: %d\r\n" % len(body) in head
    assert body == b'{"error": "Busy."}'
