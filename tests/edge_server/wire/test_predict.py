from __future__ import annotations

import base64
import json
import random

import pytest

from edge_server.errors import BadRequest
from edge_server.inference.classification import Classification, Prediction, Timing
from edge_server.inference.served import ModelInfo
from edge_server.wire import predict as wire

# All 64 letters of the alphabet, among them the two that the URL-safe one replaces.
DATA = bytes(range(256)) + b"\xfb\xff\xbf"
MODEL = ModelInfo("digits", "1", "int8", "abc", 100, ("zero", "one"))
RESULT = Classification(
    (Prediction("one", 1, 0.98765432), Prediction("zero", 0, 0.0123)), Timing(1.234, 0.5, 0, 2)
)


def image(text):
    return wire.parse_json(json.dumps({"image": text}).encode())


def test_one_image_is_no_batch():
    request = image(base64.b64encode(DATA).decode())
    assert request == wire.ImageRequest((DATA,), batch=False)


def test_a_list_is_a_batch_in_its_order():
    body = {"images": [base64.b64encode(part).decode() for part in (b"a", b"bb", b"ccc")]}
    request = wire.parse_json(json.dumps(body).encode())
    assert request == wire.ImageRequest((b"a", b"bb", b"ccc"), batch=True)


@pytest.mark.parametrize(
    "encode",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda data: base64.b64encode(data).rstrip(b"="),
        base64.encodebytes,
        lambda data: b"data:image/png;base64," + base64.b64encode(data),
        lambda data: b"DATA:image/svg+xml;charset=utf-8;BASE64," + base64.urlsafe_b64encode(data),
        lambda data: b"data:;base64," + base64.b64encode(data),
    ],
    ids=["standard", "url-safe", "unpadded", "lines", "data url", "long data url", "bare data url"],
)
def test_every_usual_form_of_base64_is_read(encode):
    for length in range(len(DATA) - 3, len(DATA)):
        assert image(encode(DATA[:length]).decode()).images == (DATA[:length],)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"hello", b'{"image": "YQ=="', b"\xff\xfe\xfd", b"[" * 100_000, b"1" * 5000],
    ids=["empty", "open", "text", "cut", "no text", "deep", "long number"],
)
def test_what_is_no_json_object_is_refused_in_a_sentence(body):
    with pytest.raises(BadRequest, match=r"JSON.*\.$|either"):
        wire.parse_json(body)


@pytest.mark.parametrize(
    "document", [[], "text", None, {}, {"picture": "YQ=="}, {"image": "YQ==", "images": ["YQ=="]}]
)
def test_exactly_one_of_the_two_keys_is_wanted(document):
    with pytest.raises(BadRequest, match=r'either "image" .* or "images"'):
        wire.parse_json(json.dumps(document).encode())


@pytest.mark.parametrize("value", [None, 7, "", [], {"b64": "YQ=="}, True])
def test_an_image_that_is_no_text_is_refused(value):
    with pytest.raises(BadRequest, match='"image" has to be a base64 string'):
        image(value)


@pytest.mark.parametrize("value", [None, "YQ==", {}, [], 3])
def test_images_have_to_be_a_list_with_something_in_it(value):
    with pytest.raises(BadRequest, match='"images" has to be a list of at least one'):
        wire.parse_json(json.dumps({"images": value}).encode())


@pytest.mark.parametrize("text", ["a", "YQ==YQ==", "!!!!", "YWJj*", "Käse", "data:image/png,abc"])
def test_bad_base64_is_refused_by_name(text):
    with pytest.raises(BadRequest, match='"image" is not valid base64'):
        image(text)


def test_bad_base64_in_a_list_is_named_by_its_place():
    with pytest.raises(BadRequest, match=r"images\[1\] is not valid base64"):
        wire.parse_json(b'{"images": ["YQ==", "!!!!"]}')


def test_random_bytes_are_never_anything_but_a_bad_request():
    chance = random.Random(8)
    body = bytearray(json.dumps({"images": [base64.b64encode(DATA).decode()] * 2}).encode())
    for _ in range(2000):
        damaged = bytearray(body)
        for _ in range(chance.choice((1, 5))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            wire.parse_json(bytes(damaged))
        except BadRequest as error:
            assert str(error).endswith(".")


def test_a_single_answer_has_the_shape_of_the_contract():
    assert wire.single(RESULT, MODEL, 9.876) == {
        "prediction": "one",
        "confidence": 0.987654,
        "top_k": [
            {"label": "one", "index": 1, "confidence": 0.987654},
            {"label": "zero", "index": 0, "confidence": 0.0123},
        ],
        "model": {"name": "digits", "version": "1", "recipe": "int8", "sha256": "abc"},
        "timing_ms": {
            "decode": 1.23,
            "preprocess": 0.5,
            "queue": 0,
            "invoke": 2,
            "total": 9.88,
        },
    }


def test_a_batch_answers_in_order_with_the_sum_of_the_times():
    answer = wire.batch([RESULT, RESULT], MODEL, 5.0)
    assert answer["predictions"] == ["one", "one"]
    assert [set(result) for result in answer["results"]] == [
        {"prediction", "confidence", "top_k"}
    ] * 2
    assert answer["timing_ms"]["invoke"] == 4
    assert answer["model"]["name"] == "digits"


def test_classes_under_the_threshold_are_left_out():
    answer = wire.single(RESULT, MODEL, 1.0, threshold=0.5)
    assert answer["prediction"] == "one"
    assert [entry["label"] for entry in answer["top_k"]] == ["one"]


def test_a_class_at_the_threshold_stays():
    answer = wire.single(RESULT, MODEL, 1.0, threshold=0.0123)
    assert [entry["label"] for entry in answer["top_k"]] == ["one", "zero"]


def test_where_no_class_reaches_the_threshold_the_prediction_is_null():
    answer = wire.single(RESULT, MODEL, 1.0, threshold=0.99)
    assert (answer["prediction"], answer["confidence"], answer["top_k"]) == (None, 0.987654, [])


def test_in_a_batch_the_threshold_judges_each():
    sure = Classification((Prediction("zero", 0, 1.0),), Timing())
    answer = wire.batch([RESULT, sure], MODEL, 1.0, threshold=0.99)
    assert answer["predictions"] == [None, "zero"]
