"""TensorFlow Serving's REST API as its own documentation uses it: `requests`, JSON, a socket."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import requests

from camera.sources.demo import demo_digits, picture
from edge_server.inference import preprocessing

MODEL = "/v1/models/digits"
PLACES = ["", "/versions/1"]


@pytest.fixture(scope="module")
def ask(digits_server):
    def post(path, document, status=200, **options):
        answer = requests.post(digits_server.url + path, json=document, timeout=20, **options)
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    return post


@pytest.fixture(scope="module")
def tell(digits_server):
    def get(path, status=200):
        answer = requests.get(digits_server.url + path, timeout=20)
        assert answer.status_code == status, answer.text
        return answer.json()

    return get


@pytest.fixture(scope="module")
def digits(classifier):
    """Five digits as a client of the original sends them, 0..1, and their labels."""
    tiles, labels = demo_digits()
    rows = [
        preprocessing.normalize(preprocessing.resize(picture(tiles, n), classifier.spec), spec)[0]
        for n in range(5)
        for spec in [classifier.tensors.original]
    ]
    return np.stack(rows), list(labels[:5])


def read(scores):
    return [str(number) for number in np.argmax(scores, axis=1)]


@pytest.mark.parametrize("place", PLACES)
def test_rows_of_float_numbers_are_answered_like_the_original_s(ask, digits, place):
    answer = ask(MODEL + place + ":predict", {"instances": digits[0].tolist()})
    assert list(answer) == ["predictions"]
    scores = np.array(answer["predictions"])
    assert scores.shape == (5, 10)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=0.02)
    assert read(scores) == digits[1]


def test_rows_columns_and_names_give_the_same_numbers(ask, digits, classifier):
    rows = digits[0].tolist()
    expected = np.float32(ask(MODEL + ":predict", {"instances": rows})["predictions"])
    np.testing.assert_array_equal(expected, classifier.infer(digits[0]))
    for document in (
        {"instances": [{"image": row} for row in rows]},
        {"inputs": rows},
        {"inputs": {"image": rows}},
        {"signature_name": "serving_default", "inputs": rows},
    ):
        (values,) = ask(MODEL + ":predict", document).values()
        np.testing.assert_array_equal(np.float32(values), expected)


def test_images_of_any_size_are_answered_in_order(ask, digit):
    pictures = [digit(number) for number in range(4)]
    images = [{"b64": base64.b64encode(data).decode()} for data, _ in pictures]
    labels = [label for _, label in pictures]
    assert read(ask(MODEL + ":predict", {"instances": images})["predictions"]) == labels
    named = [{"image_bytes": image} for image in images]
    assert read(ask(MODEL + ":predict", {"instances": named})["predictions"]) == labels
    assert read(ask(MODEL + ":predict", {"inputs": {"image": images}})["outputs"]) == labels


def test_a_body_without_a_type_is_answered_as_curl_sends_it(digits_server, digits):
    body = json.dumps({"instances": digits[0][:1].tolist()})
    for kind in ("application/x-www-form-urlencoded", None):
        answer = requests.post(
            digits_server.url + MODEL + ":predict", body, headers={"Content-Type": kind}, timeout=20
        )
        assert read(answer.json()["predictions"]) == digits[1][:1]


@pytest.mark.parametrize("place", PLACES)
def test_classify_gives_pairs_best_first(ask, digit, place):
    data, label = digit(3)
    example = {"image": {"b64": base64.b64encode(data).decode()}, "caption": "a digit"}
    answer = ask(MODEL + place + ":classify", {"examples": [example, example]})
    (first, second) = answer["results"]
    assert first == second
    assert (first[0][0], len(first)) == (label, 10)
    assert [score for _, score in first] == sorted((s for _, s in first), reverse=True)


@pytest.mark.parametrize("place", PLACES)
def test_the_status_is_that_of_the_documentation(tell, place):
    answer = tell(MODEL + place)
    assert answer["model_version_status"] == [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
    assert (answer["name"], answer["ready"]) == ("digits", True)


@pytest.mark.parametrize("place", PLACES)
def test_the_metadata_is_the_signature_of_the_original(tell, place):
    answer = tell(MODEL + place + "/metadata")
    assert answer["model_spec"] == {"name": "digits", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    image = signature["inputs"]["image"]
    assert (image["dtype"], image["name"]) == ("DT_FLOAT", "serving_default_image:0")
    assert [d["size"] for d in image["tensor_shape"]["dim"]] == ["-1", "32", "32", "1"]
    scores = signature["outputs"]["output_0"]
    assert (scores["dtype"], scores["name"]) == ("DT_FLOAT", "StatefulPartitionedCall:0")
    assert [d["size"] for d in scores["tensor_shape"]["dim"]] == ["-1", "10"]
    assert signature["method_name"] == "tensorflow/serving/predict"


def test_the_names_of_the_models_are_told(tell):
    assert tell("/v1/models") == {"models": ["digits"]}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/half",
        MODEL + "/versions/7",
        MODEL + "/labels/stable",
        MODEL + "/versions/7/metadata",
    ],
)
def test_what_is_not_served_is_not_found(tell, path):
    assert list(tell(path, 404)) == ["error"]


@pytest.mark.parametrize("path", ["/v1/models/half", MODEL + "/versions/7", MODEL + "/labels/new"])
def test_what_is_not_served_cannot_be_asked(ask, path):
    assert list(ask(path + ":predict", {"instances": [1.0, 5.0]}, 404)) == ["error"]


@pytest.mark.parametrize("verb", ["regress", "explain"])
def test_what_is_not_offered_says_so(ask, verb):
    answer = ask(f"{MODEL}:{verb}", {"examples": [{"x": 1.0}]}, 501)
    assert ":predict" in answer["error"]


def test_a_tensor_of_another_shape_is_told_the_right_one(ask):
    answer = ask(MODEL + ":predict", {"instances": [[[[0.0]] * 3] * 3]}, 400)
    assert "Expecting shape [-1,32,32,1] but got: [1,3,3,1]" in answer["error"]


def test_more_pictures_than_a_request_may_have_are_refused(ask):
    image = {"b64": "AAAA"}
    for path, document in (
        (":predict", {"instances": [[0.0]] * 65}),
        (":predict", {"instances": [image] * 65}),
        (":classify", {"examples": [{"image": image}] * 65}),
    ):
        assert "limit of 64" in ask(MODEL + path, document, 400)["error"]


def test_more_numbers_than_a_request_may_have_are_refused_before_they_are_read(
    digits_server,
):
    body = b'{"instances": [' + b"0," * 80_000 + b"no JSON"
    for path in (MODEL + ":predict", "/v2/models/digits/infer"):
        answer = requests.post(digits_server.url + path, body, timeout=20)
        assert answer.status_code == 400
        assert "more numbers than 64 pictures" in answer.json()["error"]


@pytest.mark.parametrize("path", [":predict", ":classify"])
def test_a_picture_that_is_none_is_named(digits_server, digit, path):
    good = {"b64": base64.b64encode(digit(0)[0]).decode()}
    bad = {"b64": base64.b64encode(b"no picture").decode()}
    key = "instances" if path == ":predict" else "examples"
    document = {key: [{"image": good}, {"image": bad}]}
    answer = requests.post(digits_server.url + MODEL + path, json=document, timeout=20)
    assert answer.status_code in (400, 415, 422)
    assert "images[1]" in answer.json()["error"]


def test_a_busy_server_says_when_to_come_back(application, digits):
    served = application(camera="none", interpreters=1, queue=0)
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post(MODEL + ":predict", json={"instances": digits[0].tolist()})
    assert (answer.status_code, list(answer.get_json())) == (503, ["error"])
    assert answer.headers["Retry-After"] == "1"


def test_a_request_that_waits_too_long_is_answered_in_the_same_shape(application, digits):
    served = application(camera="none", interpreters=1, timeout=0.05)
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post(MODEL + ":predict", json={"inputs": digits[0].tolist()})
    assert (answer.status_code, list(answer.get_json())) == (504, ["error"])


def test_a_model_that_was_unloaded_is_not_ready(application, digits):
    served = application(camera="none")
    served.services.models.unload("digits")
    answer = served.client.get(MODEL)
    assert (answer.status_code, answer.get_json()["ready"]) == (200, False)
    assert answer.get_json()["model_version_status"][0]["state"] == "END"
    asked = served.client.post(MODEL + ":predict", json={"inputs": digits[0].tolist()})
    assert (asked.status_code, list(asked.get_json())) == (503, ["error"])


def test_the_base_address_is_the_page_for_browsers_and_json_for_programs(digits_server):
    firefox = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for accepted, kind in (
        (firefox, "text/html"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
    ):
        answer = requests.get(digits_server.url + "/", headers={"Accept": accepted}, timeout=20)
        assert answer.headers["Content-Type"].startswith(kind)
        assert "Accept" in answer.headers["Vary"]
    assert answer.json() == {"status": "alive"}
