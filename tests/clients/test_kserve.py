"""KServe's own client, for its protocols v1 and v2."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

kserve = pytest.importorskip(
    "kserve", reason="runs in the environment `scripts/environment clients`"
)
httpx = pytest.importorskip("httpx")


@pytest.fixture
def ask(address: str) -> Callable[..., Any]:
    """Runs one call of a client: ask("v2", "infer", ...)."""

    def run(protocol: str, call: str, *arguments: Any, **options: Any) -> Any:
        async def go() -> Any:
            client = kserve.InferenceRESTClient(kserve.RESTConfig(protocol=protocol))
            method: Callable[..., Awaitable[Any]] = getattr(client, call)
            try:
                return await method(f"http://{address}", *arguments, **options)
            finally:
                await client.close()

        return asyncio.run(go())

    return run


def request(values: np.ndarray, *, binary: bool, datatype: str = "FP32") -> Any:
    made = kserve.InferInput("image", list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return kserve.InferRequest("digits", [made], request_id="7")


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_the_server_lives_and_the_model_is_ready(ask, protocol):
    assert ask(protocol, "is_server_live") is True
    assert ask(protocol, "is_model_ready", "digits") is True


def test_the_server_is_ready(ask):
    assert ask("v2", "is_server_ready") is True


def test_a_model_that_is_not_there_is_not_ready(ask):
    assert ask("v2", "is_model_ready", "letters") is False
    with pytest.raises(httpx.HTTPStatusError, match="letters"):
        ask("v1", "is_model_ready", "letters")


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "json"])
def test_v2_answers_tensors(ask, digits, binary):
    answer = ask("v2", "infer", request(digits.normalized, binary=binary), model_name="digits")
    (output,) = answer.outputs
    np.testing.assert_array_equal(output.as_numpy(), digits.values)
    assert (answer.model_name, answer.id) == ("digits", "7")


def test_v2_answers_in_bytes_where_they_are_asked_for(ask, digits):
    made = request(digits.normalized, binary=True)
    made.parameters = {"binary_data_output": True}
    headers: dict[str, str] = {}
    answer = ask("v2", "infer", made, model_name="digits", response_headers=headers)
    np.testing.assert_array_equal(answer.outputs[0].as_numpy(), digits.values)
    assert "inference-header-content-length" in headers


def test_v2_answers_images(ask, digits):
    images = np.array(digits.jpegs, np.object_)
    answer = ask("v2", "infer", request(images, binary=True, datatype="BYTES"), model_name="digits")
    np.testing.assert_array_equal(answer.outputs[0].as_numpy(), digits.image_values)


def test_v1_answers_tensors_and_images(ask, digits):
    instances = digits.normalized.tolist()
    answer = ask("v1", "infer", {"instances": instances}, model_name="digits")
    np.testing.assert_array_equal(np.float32(answer["predictions"]), digits.values)
    images = [{"image": {"b64": base64.b64encode(jpeg).decode()}} for jpeg in digits.jpegs]
    answer = ask("v1", "infer", {"instances": images}, model_name="digits")
    np.testing.assert_array_equal(np.float32(answer["predictions"]), digits.image_values)


def test_errors_are_read(ask, digits):
    flat = request(digits.normalized.reshape(-1, 1024), binary=True)
    with pytest.raises(httpx.HTTPStatusError, match=r"Expecting shape \[-1,32,32,1\]"):
        ask("v2", "infer", flat, model_name="digits")
    with pytest.raises(httpx.HTTPStatusError, match="Missing 'inputs' or 'instances'"):
        ask("v1", "infer", {}, model_name="digits")
    with pytest.raises(httpx.HTTPStatusError, match="501"):
        ask("v1", "explain", "digits", {"instances": []})
