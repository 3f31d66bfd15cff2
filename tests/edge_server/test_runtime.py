from __future__ import annotations

import importlib.metadata
import sys

import numpy as np
import pytest

from edge_server.errors import ModelFileError
from edge_server.inference import runtime
from edge_server.inference.runtime import Model, TensorInfo, dequantize


def test_the_runtime_in_use_is_named_with_its_version():
    info = runtime.runtime_info()
    assert info.name in ("ai-edge-litert", "tflite-runtime")
    assert info.version == importlib.metadata.version(info.name)


def test_tensorflow_is_not_imported():
    runtime.runtime_info()
    assert "tensorflow" not in sys.modules


def test_without_any_runtime_the_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(runtime, "_RUNTIMES", (("no_such_module", "no-such-distribution"),))
    with pytest.raises(runtime.RuntimeMissing, match=r"`scripts/environment edge`"):
        runtime._find.__wrapped__()


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_a_model_says_what_it_takes_and_gives(dtype, mean_model):
    scale, zero_point = (0.0, 0) if dtype == "float32" else (0.25, 3)
    model = Model(mean_model(dtype=dtype, scale=scale, zero_point=zero_point))
    assert model.input.shape == (1, 8, 8, 3)
    assert model.output.shape == (1, 3)
    assert model.input.dtype == model.output.dtype == np.dtype(dtype)
    assert (model.input.scale, model.input.zero_point) == (scale, zero_point)


def test_the_output_of_one_run_outlives_the_next(mean_model):
    model = Model(mean_model())
    first = model.run(np.full((1, 8, 8, 3), 1.0, np.float32))
    model.run(np.full((1, 8, 8, 3), 2.0, np.float32))
    np.testing.assert_allclose(first, 1.0)


def test_a_model_that_the_runtime_refuses_is_named_with_its_reason(shared):
    data = (shared / "tflite" / "fails_at_invoke.tflite").read_bytes()
    with pytest.raises(ModelFileError, match=r"Fails .*(load|run).*fake-op-double") as caught:
        Model(data, name="Fails").run(np.zeros(1, np.float32))
    assert caught.value.exit_status == 2


def test_a_tensor_of_the_wrong_shape_is_a_model_error(mean_model):
    with pytest.raises(ModelFileError, match="fails when it is run"):
        Model(mean_model()).run(np.zeros((1, 9, 9, 3), np.float32))


def test_dequantizing_does_not_wrap_in_eight_bits():
    tensor = TensorInfo(0, "t", (1, 2), np.dtype(np.int8), 0.5, -128)
    real = dequantize(np.array([[-128, 127]], np.int8), tensor)
    assert real.dtype == np.float32
    assert real.tolist() == [[0.0, 127.5]]


def test_what_is_not_quantized_is_only_converted():
    tensor = TensorInfo(0, "t", (1, 1), np.dtype(np.float32), 0.0, 0)
    assert dequantize(np.array([[0.25]]), tensor).tolist() == [[0.25]]


def test_a_reason_is_one_line_without_its_full_stop():
    assert runtime.first_line(RuntimeError("No kernel.\nNode 3 failed.")) == "No kernel"
    assert runtime.first_line(ValueError()) == "ValueError"
