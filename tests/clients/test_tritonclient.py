"""NVIDIA's tritonclient, as its own examples use it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

http = pytest.importorskip(
    "tritonclient.http", reason="runs in the environment `scripts/environment clients`"
)
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException

ENCODINGS = [None, "gzip", "deflate"]


@pytest.fixture
def client(address: str) -> Iterator[Any]:
    with http.InferenceServerClient(address) as made:
        yield made


@pytest.fixture
def operator(guarded: str) -> Iterator[Any]:
    with http.InferenceServerClient(guarded) as made:
        yield made


def tensor(values: np.ndarray, datatype: str = "FP32", binary: bool = True) -> Any:
    made = http.InferInput("image", list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def refused(status: int, ask: Any, *words: str) -> None:
    with pytest.raises(InferenceServerException) as caught:
        ask()
    assert caught.value.status() == str(status)
    for word in words:
        assert word in caught.value.message()


def test_health(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("digits")
    assert client.is_model_ready("digits", "1")
    assert not client.is_model_ready("digits", "2")
    assert not client.is_model_ready("letters")


def test_metadata(client):
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    for version in ("", "1"):
        found = client.get_model_metadata("digits", version)
        assert (found["name"], found["versions"]) == ("digits", ["1"])
        assert found["inputs"][0]["shape"] == [-1, 32, 32, 1]
        assert found["outputs"][0]["datatype"] == "FP32"


def test_configuration(client):
    for version in ("", "1"):
        found = client.get_model_config("digits", version)
        assert (found["name"], found["max_batch_size"]) == ("digits", 64)
        assert found["input"][0]["dims"] == [32, 32, 1]


@pytest.mark.parametrize("answer_encoding", ENCODINGS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "json"])
def test_float_numbers_are_answered_in_every_form(
    client, digits, binary, encoding, answer_encoding
):
    # Enough for an answer over 1 KiB, which is when it comes compressed.
    many = np.concatenate([digits.normalized] * 10)
    found = client.infer(
        "digits",
        [tensor(many, binary=binary)],
        outputs=[http.InferRequestedOutput("output_0", binary_data=binary)],
        request_id="7",
        request_compression_algorithm=encoding,
        response_compression_algorithm=answer_encoding,
    )
    np.testing.assert_array_equal(found.as_numpy("output_0"), np.concatenate([digits.values] * 10))
    assert found.get_response()["id"] == "7"


def test_what_asks_for_no_output_gets_it_in_bytes(client, digits):
    found = client.infer("digits", [tensor(digits.normalized)], model_version="1")
    np.testing.assert_array_equal(found.as_numpy("output_0"), digits.values)
    assert found.get_output("output_0")["parameters"]["binary_data_size"] == digits.values.nbytes


def test_many_requests_at_once(client, address, digits):
    with http.InferenceServerClient(address, concurrency=4) as many:
        waiting = [
            many.async_infer("digits", [tensor(digits.normalized[n : n + 1])], request_id=str(n))
            for n in range(len(digits.labels))
        ]
        for number, request in enumerate(waiting):
            found = request.get_result()
            np.testing.assert_array_equal(found.as_numpy("output_0")[0], digits.values[number])
            assert found.get_response()["id"] == str(number)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_encoded_images_are_answered(client, digits, shape):
    images = np.array(digits.jpegs, np.object_).reshape(shape)
    found = client.infer("digits", [tensor(images, "BYTES")])
    np.testing.assert_array_equal(found.as_numpy("output_0"), digits.image_values)


def test_encoded_images_go_in_json_as_base64(client, digits):
    images = np.array([base64.b64encode(jpeg) for jpeg in digits.jpegs], np.object_)
    found = client.infer("digits", [tensor(images, "BYTES", binary=False)])
    np.testing.assert_array_equal(found.as_numpy("output_0"), digits.image_values)


def test_the_model_s_own_type_is_answered(client):
    found = client.infer("digits", [tensor(np.full((2, 32, 32, 1), 9, np.uint8), "UINT8")])
    assert found.as_numpy("output_0").shape == (2, 10)


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "json"])
def test_the_best_classes_have_value_index_and_label(client, digits, binary):
    wanted = http.InferRequestedOutput("output_0", binary_data=binary, class_count=3)
    found = client.infer("digits", [tensor(digits.normalized)], outputs=[wanted])
    classes = found.as_numpy("output_0")
    assert classes.shape == (len(digits.labels), 3)
    for row, label, values in zip(classes, digits.labels, digits.values, strict=True):
        best = row[0].decode() if binary else row[0]
        value, index, name = best.split(":")
        assert (float(value), index, name) == (pytest.approx(values.max(), abs=1e-6), label, label)


def test_errors_are_read(client, digits):
    good = tensor(digits.normalized)
    refused(404, lambda: client.infer("letters", [good]), "letters")
    refused(404, lambda: client.infer("digits", [good], model_version="2"))
    wanted = [http.InferRequestedOutput("scores")]
    refused(400, lambda: client.infer("digits", [good], outputs=wanted), "'scores'")
    flat = digits.normalized.reshape(-1, 1024)
    refused(400, lambda: client.infer("digits", [tensor(flat)]), "[-1,32,32,1]", "[6,1024]")
    wide = digits.normalized.astype(np.float64)
    refused(400, lambda: client.infer("digits", [tensor(wide, "FP64")]), "FP64")
    named = http.InferInput("picture", [1], "BYTES")
    named.set_data_from_numpy(np.array([b"x"], np.object_))
    refused(400, lambda: client.infer("digits", [named]), "'picture'")
    for ask in (
        client.get_system_shared_memory_status,
        client.get_cuda_shared_memory_status,
        client.get_trace_settings,
        client.get_log_settings,
    ):
        refused(501, ask, "not offered")


def test_statistics_count_what_was_asked(client, digits):
    def stats():
        (found,) = client.get_inference_statistics("digits", "1")["model_stats"]
        return found

    before = stats()
    client.infer("digits", [tensor(digits.normalized)])
    after = stats()
    assert after["inference_count"] - before["inference_count"] == len(digits.labels)
    success = [found["inference_stats"]["success"] for found in (before, after)]
    assert success[1]["count"] - success[0]["count"] == 1
    assert success[1]["ns"] > success[0]["ns"]
    assert after["last_inference"] >= before["last_inference"]
    assert client.get_inference_statistics()["model_stats"][0]["name"] == "digits"


def test_the_index_lists_the_model(client):
    assert client.get_model_repository_index() == [
        {"name": "digits", "version": "1", "state": "READY", "reason": ""}
    ]


def test_nobody_unloads_without_a_token(client, operator):
    refused(403, lambda: client.unload_model("digits"), "--token-file")
    refused(403, lambda: client.load_model("digits"), "--token-file")
    refused(401, lambda: operator.unload_model("digits"))
    assert client.is_model_ready("digits")


def test_a_model_is_unloaded_and_loaded(operator, token, digits):
    good = tensor(digits.normalized)
    operator.unload_model("digits", headers=dict(token))
    assert not operator.is_model_ready("digits", headers=dict(token))
    assert not operator.is_server_ready()
    assert operator.is_server_live()
    refused(503, lambda: operator.infer("digits", [good], headers=dict(token)))
    operator.load_model("digits", headers=dict(token))
    assert operator.is_model_ready("digits", headers=dict(token))
    found = operator.infer("digits", [good], headers=dict(token))
    np.testing.assert_array_equal(found.as_numpy("output_0"), digits.values)
    refused(404, lambda: operator.load_model("letters", headers=dict(token)))
    refused(501, lambda: operator.load_model("digits", headers=dict(token), config="{}"))
