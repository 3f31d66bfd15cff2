from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from edge_server.errors import BadRequest
from edge_server.inference.classification import Classification, Prediction, Timing
from edge_server.repository import State, VersionStatus
from edge_server.wire import tf_serving as wire

DATA = bytes(range(256))
B64 = {"b64": base64.b64encode(DATA).decode()}
ROWS = [[[[1.5], [2]], [[3], [4]]], [[[5], [6]], [[7], [8]]]]


def predict(document, signature="serving_default"):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return wire.parse_predict(body, signature)


@pytest.mark.parametrize(
    "document",
    [
        {"instances": ROWS},
        {"instances": [{"image": row} for row in ROWS]},
        {"inputs": ROWS},
        {"inputs": {"image": ROWS}},
        {"signature_name": "serving_default", "instances": ROWS},
        {"signature_name": "", "instances": ROWS},
        {"signature_name": "classify", "instances": ROWS},
    ],
)
def test_a_tensor_is_the_same_in_rows_and_columns_with_and_without_a_name(document):
    asked = predict(document, "classify")
    assert (asked.pictures.dtype, asked.pictures.shape) == (np.float32, (2, 2, 2, 1))
    np.testing.assert_array_equal(asked.pictures.ravel(), [1.5, 2, 3, 4, 5, 6, 7, 8])
    assert asked.columns == ("inputs" in document)


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"instances": [B64, B64]}, 2),
        ({"instances": [{"image_bytes": B64}]}, 1),
        ({"inputs": B64}, 1),
        ({"inputs": [B64, B64, B64]}, 3),
        ({"inputs": {"image": B64}}, 1),
        ({"inputs": {"image": [B64, B64]}}, 2),
    ],
)
def test_b64_is_an_image(document, count):
    assert predict(document).pictures == (DATA,) * count


def test_nan_and_infinity_are_numbers():
    asked = predict(b'{"instances": [NaN, Infinity, -Infinity, 1e-3]}')
    np.testing.assert_array_equal(asked.pictures, np.float32([np.nan, np.inf, -np.inf, 1e-3]))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"\xff\xd8", "JSON Parse error"),
        (b"[" * 100_000, "JSON Parse error"),
        ([1], "Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"instances": [], "inputs": []}, "only one of 'inputs' or 'instances'"),
        ({"instances": []}, "No values in 'instances'"),
        ({"instances": {"image": 1}}, "'instances' to be a list/array"),
        ({"instances": [1], "signature_name": 1}, "must be a string value"),
        ({"instances": [1], "signature_name": "x"}, 'name: "x" not found in signature def'),
        ({"instances": [[1, 2], [3]]}, "unexpected size: 1 at level: 1 expected size: 2"),
        ({"instances": [[1, 2], 3]}, "found at incorrect level: 2"),
        ({"instances": [1, [2]]}, "unexpected level: 1 expected < 1"),
        ({"instances": [1, "two"]}, "JSON Value: two Type: String is not of expected type: float"),
        ({"instances": ["two"]}, 'send {"b64": ...}'),
        ({"instances": [1, None]}, "Type: Null is not of expected type: float"),
        ({"instances": [True, False]}, "Type: True is not of expected type: float"),
        ({"instances": [1, {"b64": "x", "c": 1}]}, "keys must be equal"),
        ({"instances": [{"a": 1, "b": 2}]}, "Failed to process an element of 'instances'"),
        ({"instances": [10**400]}, "too large a number"),
        ({"instances": [B64, 1]}, "instances[1] is no image"),
        ({"instances": [{"b64": "ab!"}]}, "instances[0] is not valid base64"),
        ({"instances": [{"b64": 3}]}, "instances[0] has to be a base64 string"),
        ({"inputs": "text"}, "Type: String is not of expected type"),
        ({"inputs": None}, "Type: Null is not of expected type"),
        ({"inputs": {}}, "there are 0"),
    ],
)
def test_what_cannot_be_asked_is_said_in_tensorflow_serving_s_words(document, words):
    with pytest.raises(BadRequest) as refused:
        predict(document)
    assert words in str(refused.value)
    assert str(refused.value).endswith((".", "}"))


def test_an_example_has_one_image_beside_other_features():
    body = {"examples": [{"caption": "seaside", "image": B64}, {"image": [B64]}], "context": {}}
    assert wire.parse_classify(json.dumps(body).encode(), "x") == (DATA, DATA)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "key 'examples' is expected"),
        ({"examples": []}, "key 'examples' is expected"),
        ({"examples": [1]}, "got JSON Number"),
        ({"examples": [{"x": 1.0}]}, "examples[0] has 0 binary features"),
        ({"examples": [{"a": B64, "b": B64}]}, "examples[0] has 2 binary features"),
    ],
)
def test_examples_without_an_image_are_refused(body, words):
    with pytest.raises(BadRequest) as refused:
        wire.parse_classify(json.dumps(body).encode(), "x")
    assert words in str(refused.value)


def test_numbers_are_written_as_short_as_they_can_be():
    answer = wire.predictions(np.float32([[0.2, 1, 1e-7]]), columns=False)
    assert json.dumps(answer) == '{"predictions": [[0.2, 1.0, 1e-07]]}'
    assert wire.predictions(np.float32([[0.5]]), columns=True) == {"outputs": [[0.5]]}


def test_numbers_that_are_none_are_written_as_their_tokens():
    answer = wire.predictions(np.float32([[np.nan, np.inf, -np.inf]]), columns=False)
    assert json.dumps(answer) == '{"predictions": [[NaN, Infinity, -Infinity]]}'


def test_classes_are_pairs_under_both_keys():
    result = Classification((Prediction("b", 1, 0.9), Prediction("a", 0, 0.1)), Timing())
    pairs = [[("b", 0.9), ("a", 0.1)]]
    assert wire.classes([result]) == {"results": pairs, "result": pairs}


def test_a_version_that_failed_says_why():
    versions = [
        VersionStatus("m", "2", State.END, "It is damaged."),
        VersionStatus("m", "1", State.AVAILABLE),
    ]
    answer = wire.status("m", versions)
    assert answer["model_version_status"] == [
        {
            "version": "2",
            "state": "END",
            "status": {"error_code": "UNKNOWN", "error_message": "It is damaged."},
        },
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}},
    ]
    assert (answer["name"], answer["ready"]) == ("m", True)
    assert wire.status("m", versions[:1])["ready"] is False
