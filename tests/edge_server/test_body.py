"""Compressed bodies over a real socket, as `requests` sends and takes them."""

from __future__ import annotations

import base64
import gzip
import zlib

import pytest
import requests

COMPRESS = {"gzip": gzip.compress, "deflate": zlib.compress}


def send(server, data, encoding, path="/predict", **headers):
    headers["Content-Encoding"] = encoding
    return requests.post(server.url + path, data, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def many(digit):
    """Twenty digits as JSON, and what they are: an answer of several kilobytes."""
    pictures = [digit(number) for number in range(20)]
    images = [base64.b64encode(data).decode() for data, _ in pictures]
    return {"images": images}, [label for _, label in pictures]


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_compressed_picture_is_answered(digits_server, digit, encoding):
    data, label = digit(0)
    answer = send(digits_server, COMPRESS[encoding](data), encoding)
    assert (answer.status_code, answer.json()["prediction"]) == (200, label)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_compressed_form_is_answered(digits_server, digit, encoding):
    data, label = digit(1)
    form = requests.Request("POST", "http://a/", files={"image": data}).prepare()
    kind = {"Content-Type": form.headers["Content-Type"]}
    answer = send(digits_server, COMPRESS[encoding](form.body), encoding, **kind)
    assert (answer.status_code, answer.json()["prediction"]) == (200, label)


def test_a_compressed_body_in_chunks_is_answered(digits_server, digit):
    data, label = digit(2)
    body = gzip.compress(data)
    answer = send(digits_server, iter([body[:100], body[100:]]), "gzip")
    assert (answer.status_code, answer.json()["prediction"]) == (200, label)


@pytest.mark.parametrize(
    "path", ["/predict", "/v1/models/digits:predict", "/v2/models/digits/infer"]
)
def test_a_bomb_is_too_large_for_every_protocol(digits_server, path):
    bomb = gzip.compress(bytes(50 * 2**20), 9)
    assert len(bomb) < 2**16
    answer = send(digits_server, bomb, "gzip", path)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])
    assert "1 MiB when it is inflated" in answer.json()["error"]


def test_a_bomb_of_a_form_is_too_large(digits_server):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = send(digits_server, gzip.compress(bytes(2 * 2**20)), "gzip", **kind)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_a_compressed_body_that_is_large_itself_is_too_large(digits_server):
    answer = send(digits_server, iter([b"x" * 2**19] * 3), "gzip")
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_what_is_not_compressed_is_a_bad_request(digits_server, digit):
    answer = send(digits_server, digit(0)[0], "gzip")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_an_unknown_encoding_is_refused(digits_server, digit):
    answer = send(digits_server, digit(0)[0], "br")
    assert (answer.status_code, list(answer.json())) == (415, ["error"])


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=0.2, deflate;q=0.9", "deflate"),
        ("gzip;q=0.2, identity", None),
        ("gzip;q=0", None),
        ("br", None),
        ("identity", None),
    ],
)
def test_an_answer_is_compressed_as_the_client_asks(digits_server, many, accepted, encoding):
    headers = {"Accept-Encoding": accepted}
    answer = requests.post(
        digits_server.url + "/predict", json=many[0], headers=headers, timeout=20
    )
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.json()["predictions"] == many[1]
    if encoding:
        assert int(answer.headers["Content-Length"]) < len(answer.content) / 2


def test_a_small_answer_and_a_picture_stay_as_they_are(digits_server):
    for path in ("/healthz", "/camera/snapshot.jpg"):
        answer = requests.get(digits_server.url + path, timeout=20)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer.headers


def test_who_does_not_ask_gets_nothing_compressed(digits_app, many):
    answer = digits_app.client.post("/predict", json=many[0])
    assert "Content-Encoding" not in answer.headers
    assert answer.get_json()["predictions"] == many[1]
