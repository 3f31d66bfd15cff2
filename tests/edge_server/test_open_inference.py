"""The Open Inference Protocol and Triton's extensions over a socket, byte by byte.

What their own clients make of it is in tests/clients.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib

import numpy as np
import pytest
import requests

from camera.sources.demo import demo_digits, picture
from edge_server.inference import preprocessing
from edge_server.wire import open_inference_tensor as tensor

MODEL = "/v2/models/digits"
PLACES = [MODEL, MODEL + "/versions/1"]
LENGTH = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def get(digits_server):
    def send(path, status=200):
        answer = requests.get(digits_server.url + path, timeout=20)
        assert answer.status_code == status, answer.text
        return answer.json()

    return send


@pytest.fixture(scope="module")
def post(digits_server):
    """Sends a document, and bytes behind it, as tritonclient does: without a Content-Type."""

    def send(document, *blobs, path=MODEL + "/infer", status=200, **headers):
        head = json.dumps(document).encode()
        if blobs:
            headers = {LENGTH: str(len(head))} | headers
        answer = requests.post(
            digits_server.url + path, b"".join([head, *blobs]), headers=headers, timeout=20
        )
        assert answer.status_code == status, answer.text
        return answer

    return send


@pytest.fixture(scope="module")
def digits(classifier):
    """Three digits, 0..1, float32 (3, 32, 32, 1)."""
    tiles, _ = demo_digits()
    spec = classifier.tensors.original
    pixels = [preprocessing.resize(picture(tiles, n), spec) for n in range(3)]
    return np.concatenate([preprocessing.normalize(p, spec) for p in pixels])


def described(values, datatype="FP32", **more):
    return {"name": "image", "shape": list(values.shape), "datatype": datatype} | more


def refused(answer, *words):
    document = answer.json()
    assert list(document) == ["error"]
    for word in words:
        assert word in document["error"]


def test_server_and_health(get):
    assert get("/v2")["name"] == "edge-server"
    assert {"binary_tensor_data", "classification", "statistics", "model_repository"} <= set(
        get("/v2")["extensions"]
    )
    assert get("/v2/health/live") == {"live": True}
    assert get("/v2/health/ready") == {"live": True, "ready": True}


@pytest.mark.parametrize("path", PLACES)
def test_the_model_tells_what_it_takes(get, path):
    assert get(path) == {
        "name": "digits",
        "versions": ["1"],
        "platform": "tflite",
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 32, 32, 1]}],
        "outputs": [{"name": "output_0", "datatype": "FP32", "shape": [-1, 10]}],
    }
    assert get(path + "/ready") == {"name": "digits", "ready": True}
    config = get(path + "/config")
    assert (config["name"], config["max_batch_size"]) == ("digits", 64)
    assert config["input"][0]["data_type"] == "TYPE_UINT8"
    assert config["input"][0]["dims"] == [32, 32, 1]
    assert (config["output"][0]["data_type"], config["output"][0]["dims"]) == ("TYPE_FP32", [10])
    assert config["instance_group"][0]["count"] == 2


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/models/none", "/v2/models/none/ready", "/v2/models/none/config"),
        *(MODEL + "/versions/7", MODEL + "/versions/7/ready", MODEL + "/versions/7/stats"),
        "/v2/models/none/stats",
    ],
)
def test_what_is_not_served_is_not_found(get, path):
    assert list(get(path, 404)) == ["error"]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("named", ["image", "serving_default_image:0"])
def test_json_in_and_json_out(post, digits, classifier, path, named):
    document = {
        "id": "42",
        "inputs": [described(digits, data=digits.ravel().tolist()) | {"name": named}],
    }
    answer = post(document, path=path + "/infer")
    assert answer.headers["Content-Type"] == "application/json"
    assert LENGTH not in answer.headers
    found = answer.json()
    assert (found["model_name"], found["model_version"], found["id"]) == ("digits", "1", "42")
    (output,) = found["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("output_0", "FP32", [3, 10])
    values = np.array(output["data"], np.float32).reshape(3, 10)
    np.testing.assert_array_equal(values, classifier.infer(digits))


def test_bytes_in_and_bytes_out(post, digits, classifier):
    blob = digits.tobytes()
    document = {
        "inputs": [described(digits, parameters={"binary_data_size": len(blob)})],
        "parameters": {"binary_data_output": True},
    }
    answer = post(document, blob)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    length = int(answer.headers[LENGTH])
    found = json.loads(answer.content[:length])
    assert "id" not in found
    (output,) = found["outputs"]
    assert output["parameters"] == {"binary_data_size": 120}
    assert "data" not in output
    values = np.frombuffer(answer.content[length:], "<f4").reshape(output["shape"])
    np.testing.assert_array_equal(values, classifier.infer(digits))


def test_an_output_overrides_what_is_said_of_all(post, digits):
    document = {
        "inputs": [described(digits, data=digits.tolist())],
        "outputs": [{"name": "output_0", "parameters": {"binary_data": False}}],
        "parameters": {"binary_data_output": True},
    }
    assert post(document).json()["outputs"][0]["shape"] == [3, 10]
    document["outputs"] = [{"name": "output_0", "parameters": {"binary_data": True}}]
    document["parameters"] = {}
    assert LENGTH in post(document).headers


def test_the_model_s_own_type_and_images_are_taken(post, classifier, digit):
    own = np.full((2, 32, 32, 1), 7, np.uint8)
    answer = post(
        {"inputs": [described(own, "UINT8", parameters={"binary_data_size": own.size})]},
        own.tobytes(),
    )
    values = np.reshape(answer.json()["outputs"][0]["data"], (2, 10))
    np.testing.assert_array_equal(values, classifier.infer(own))

    images = [digit(n)[0] for n in range(3)]
    expected = classifier.infer_images(images)
    for shape in ([3], [3, 1]):
        blob = tensor.join(images)
        sent = {"name": "image", "shape": shape, "datatype": "BYTES"}
        answer = post({"inputs": [sent | {"parameters": {"binary_data_size": len(blob)}}]}, blob)
        values = np.reshape(answer.json()["outputs"][0]["data"], (3, 10))
        np.testing.assert_array_equal(values.astype(np.float32), expected)
        data = [base64.b64encode(image).decode() for image in images]
        answer = post({"inputs": [sent | {"data": data}]})
        values = np.reshape(answer.json()["outputs"][0]["data"], (3, 10))
        np.testing.assert_array_equal(values.astype(np.float32), expected)


def test_the_best_classes_are_strings_as_triton_writes_them(post, digits, classifier):
    document = {
        "inputs": [described(digits, data=digits.tolist())],
        "outputs": [{"name": "output_0", "parameters": {"classification": 2}}],
    }
    (output,) = post(document).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [3, 2])
    values = classifier.infer(digits)
    for row, text in zip(values, output["data"][::2], strict=True):
        best = int(row.argmax())
        assert text == f"{row[best]:.6f}:{best}:{classifier.labels[best]}"

    document["outputs"][0]["parameters"]["binary_data"] = True
    answer = post(document)
    blob = answer.content[int(answer.headers[LENGTH]) :]
    assert blob == tensor.join([text.encode() for text in output["data"]])


def test_more_classes_than_there_are_give_all(post, digits):
    document = {
        "inputs": [described(digits, data=digits.tolist())],
        "outputs": [{"name": "output_0", "parameters": {"classification": 99}}],
    }
    assert post(document).json()["outputs"][0]["shape"] == [3, 10]


def test_a_model_without_labels_gives_index_and_value(application, colour_file):
    served = application(model=colour_file(), preprocessing="unit", camera="none")
    document = {
        "inputs": [
            {"name": "image", "shape": [1, 8, 8, 3], "datatype": "FP32", "data": [0.5, 1, 0] * 64}
        ],
        "outputs": [{"name": "scores", "parameters": {"classification": 2}}],
    }
    answer = served.client.post("/v2/models/colour/infer", data=json.dumps(document))
    assert answer.get_json()["outputs"][0]["data"] == ["1.000000:1", "0.500000:0"]
    config = served.client.get("/v2/models/colour/config").get_json()
    assert config["output"][0]["label_filename"] == ""


def test_a_single_number_is_given_as_it_is_and_as_two_classes(application, colour_file, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("dark\nbright\n")
    served = application(
        model=colour_file(shape=(1, 8, 8, 1)), mean="0", std="255", labels=labels, camera="none"
    )
    given = {"name": "image", "shape": [1, 8, 8, 1], "datatype": "FP32", "data": [0.25] * 64}
    for parameters, data, shape in (
        ({}, [0.25], [1, 1]),
        ({"classification": 2}, ["0.750000:0:dark", "0.250000:1:bright"], [1, 2]),
    ):
        document = {"inputs": [given], "outputs": [{"name": "scores", "parameters": parameters}]}
        answer = served.client.post("/v2/models/colour/infer", data=json.dumps(document))
        [output] = answer.get_json()["outputs"]
        assert (output["data"], output["shape"]) == (data, shape)
    metadata = served.client.get("/v2/models/colour").get_json()
    assert metadata["outputs"][0]["shape"] == [-1, 1]
    predicted = served.client.post(
        "/v1/models/colour:predict",
        data=json.dumps({"instances": [np.full((8, 8, 1), 0.25).tolist()]}),
    )
    assert predicted.get_json() == {"predictions": [[0.25]]}


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_both_ways_the_length_is_that_of_the_plain_json(
    digits_server, digits, classifier, encoding, compress
):
    many = np.concatenate([digits] * 11)  # an answer over 1 KiB
    blob = many.tobytes()
    head = json.dumps(
        {
            "inputs": [described(many, parameters={"binary_data_size": len(blob)})],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {
        "Content-Encoding": encoding,
        "Accept-Encoding": encoding,
        LENGTH: str(len(head)),
    }
    answer = requests.post(
        digits_server.url + MODEL + "/infer", compress(head + blob), headers=headers, timeout=20
    )
    assert answer.headers["Content-Encoding"] == encoding
    length = int(answer.headers[LENGTH])
    assert json.loads(answer.content[:length])["outputs"][0]["shape"] == [33, 10]
    values = np.frombuffer(answer.content[length:], "<f4").reshape(33, 10)
    np.testing.assert_array_equal(values, np.concatenate([classifier.infer(digits)] * 11))


GOOD = {"name": "image", "shape": [1, 32, 32, 1], "datatype": "FP32", "data": [0] * 1024}


def without(key):
    return {k: v for k, v in GOOD.items() if k != key}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "has to be a JSON object"),
        ({}, "expected 1 inference input"),
        ({"inputs": []}, "expected 1 inference input"),
        ({"inputs": [GOOD, GOOD]}, "expected 1 inference input"),
        ({"inputs": ["image"]}, "inputs[0] has to be a JSON object"),
        ({"inputs": [GOOD | {"name": "picture"}]}, "unexpected inference input 'picture'"),
        ({"inputs": [GOOD | {"name": {}}]}, "unexpected inference input {}"),
        ({"inputs": [GOOD | {"datatype": "FP64"}]}, "'FP64'"),
        ({"inputs": [GOOD | {"datatype": "INT8"}]}, "uint8"),
        ({"inputs": [GOOD | {"shape": [32, 32, 1]}]}, "Expecting shape [-1,32,32,1]"),
        ({"inputs": [GOOD | {"shape": [1, 32, 32, 3]}]}, "say 3072"),
        ({"inputs": [GOOD | {"shape": [0, 32, 32, 1], "data": []}]}, "got: [0,32,32,1]"),
        ({"inputs": [without("data")]}, "must specify 'data'"),
        ({"inputs": [without("shape")]}, "shape None"),
        ({"inputs": [without("datatype")]}, "data-type None"),
        ({"inputs": [GOOD | {"parameters": 3}]}, "parameters has to be a JSON object"),
        ({"inputs": [GOOD | {"parameters": {"binary_data_size": 4}}]}, "0 bytes follow"),
        ({"inputs": [GOOD], "outputs": [{"name": "x"}]}, "unexpected inference output 'x'"),
        ({"inputs": [GOOD], "outputs": 3}, '"outputs" has to be'),
        ({"inputs": [GOOD], "outputs": [{"name": "output_0"}] * 2}, "only once"),
        (
            {
                "inputs": [GOOD],
                "outputs": [{"name": "output_0", "parameters": {"classification": "2"}}],
            },
            "number of classes",
        ),
        ({"inputs": [GOOD], "parameters": {"timeout": "soon"}}, "microseconds"),
        ({"inputs": [GOOD | {"shape": [65, 32, 32, 1], "data": [0] * 66560}]}, "limit of 64"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(post, document, words):
    refused(post(document, status=400), words)


@pytest.mark.parametrize(
    ("length", "words"),
    [("99999999", "but the body has"), ("-1", "but the body has"), ("x", "but the body has")],
)
def test_a_length_that_is_none_is_refused(post, length, words):
    refused(post({"inputs": [GOOD]}, b"", status=400, **{LENGTH: length}), words)


def test_bytes_that_nobody_announced_are_refused(post):
    refused(post({"inputs": [GOOD]}, b"more", status=400), "4 bytes after the JSON")
    sized = without("data") | {"parameters": {"binary_data_size": 4096}}
    refused(post({"inputs": [sized]}, b"more", status=400), "4 bytes follow")
    refused(post({"inputs": [GOOD | sized]}, bytes(4096), status=400), "must specify")


def test_a_picture_that_is_none_is_named(post, digit):
    blob = tensor.join([digit(0)[0], b"no picture"])
    sent = {"name": "image", "shape": [2], "datatype": "BYTES"}
    document = {"inputs": [sent | {"parameters": {"binary_data_size": len(blob)}}]}
    with pytest.raises(AssertionError, match=r"images\[1\]"):
        post(document, blob)


def test_shared_memory_is_not_offered(post):
    shared = {"shared_memory_region": "a", "shared_memory_byte_size": 4096}
    refused(post({"inputs": [without("data") | {"parameters": shared}]}, status=501), "not offered")
    outputs = [{"name": "output_0", "parameters": shared}]
    refused(post({"inputs": [GOOD], "outputs": outputs}, status=501), "not offered")


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/systemsharedmemory/status", "/v2/cudasharedmemory/region/a/status"),
        *("/v2/trace/setting", MODEL + "/trace/setting", "/v2/logging"),
    ],
)
def test_extensions_that_are_not_offered_say_so(get, post, path):
    assert "not offered" in get(path, 501)["error"]
    refused(post({}, path=path, status=501), "not offered")


def test_a_shorter_timeout_of_the_request_is_kept(application):
    served = application(camera="none", interpreters=1, timeout=20)
    document = {"inputs": [GOOD], "parameters": {"timeout": 50_000}}
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post(MODEL + "/infer", data=json.dumps(document))
    assert (answer.status_code, list(answer.get_json())) == (504, ["error"])
    assert "0.05 s" in answer.get_json()["error"]


def test_a_busy_server_says_when_to_come_back(application):
    served = application(camera="none", interpreters=1, queue=0)
    with served.services.models.get().classifier._places.take(1):
        answer = served.client.post(MODEL + "/infer", data=json.dumps({"inputs": [GOOD]}))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
