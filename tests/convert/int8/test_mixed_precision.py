from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import mixed_precision, model_inputs
from convert.device import candidate
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import operator_code, twins
from convert.interpreter import run_each
from edge_server.inference import preprocessing

BODIES = ["plain", "grouped", "shared", "branches"]


def scores(model: bytes, made: Any) -> Any:
    tree = tflite_schema.unpack(model)
    inputs = model_inputs.tensors(tree, made.pictures, made.spec)
    return model_inputs.scores(tree, [out[0] for out in run_each(model, [[x] for x in inputs])])


def mixture(made: Any, choose: Callable[[list[int]], Collection[int]]) -> bytes:
    original, quantized = map(tflite_schema.unpack, (made.float_model, made.int8_model))
    kept = choose(sorted(twins(original, quantized)))
    return mixed_precision.keep_in_float(original, quantized, kept, made.spec)


def error(model: bytes, made: Any) -> float:
    return float(np.abs(scores(model, made) - scores(made.float_model, made)).mean())


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("io", ["uint8", "float32"])
def test_with_all_operators_in_float_it_is_the_float_model(
    graphs: Callable[..., Any], body: str, io: str
) -> None:
    made = graphs(body, io)
    found = scores(mixture(made, lambda operators: operators), made)
    # A bias makes up for half a step of a uint8 input, but not at a padded border.
    tolerance = 5e-4 if io == "uint8" else 1e-5
    np.testing.assert_allclose(found, scores(made.float_model, made), atol=tolerance)


def test_pixels_mean_what_they_meant_before_whatever_comes_first(
    graphs: Callable[..., Any],
) -> None:
    """No zero point says that -1..1 has its middle at pixel 127.5."""
    made = graphs()
    for name in ("tf", "raw", "unit"):
        spec = preprocessing.from_preset(name, width=24, height=24)
        tensor = tflite_schema.unpack(made.int8_model).subgraphs[0].tensors[0]
        tensor.quantization.scale = np.array([{"tf": 1 / 127.5, "raw": 1, "unit": 1 / 255}[name]])
        tensor.quantization.zeroPoint = np.array([127 if name == "tf" else 0])
        offset = mixed_precision._offset(tensor, spec)
        assert offset == pytest.approx(0.5 / 127.5 if name == "tf" else 0, abs=1e-6)


@pytest.mark.parametrize("io", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("body", BODIES)
def test_with_no_operator_in_float_it_is_the_int8_model(
    graphs: Callable[..., Any], body: str, io: str
) -> None:
    made = graphs(body, io)
    found = mixture(made, lambda operators: ())
    assert np.array_equal(scores(found, made), scores(made.int8_model, made))
    assert tflite_schema.describe(found).operators == (
        tflite_schema.describe(made.int8_model).operators
    )


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "choose",
    [
        lambda operators: operators[:2],
        lambda operators: operators[-2:],
        lambda operators: operators[2:4],
        lambda operators: operators[::2],
    ],
    ids=["first", "last", "middle", "every-second"],
)
def test_a_part_in_float_runs_on_the_device_and_is_near_the_float_model(
    graphs: Callable[..., Any], tmp_path: Path, body: str, choose: Any
) -> None:
    made = graphs(body)
    model = mixture(made, choose)
    assert error(model, made) < 1.5 * error(made.int8_model, made)
    if body == "branches":
        file = tmp_path / "mixed.tflite"
        file.write_bytes(model)
        assert candidate.probe(file).finite


def test_all_but_one_operator_in_float_is_nearer_than_int8(graphs: Callable[..., Any]) -> None:
    made = graphs()
    model = mixture(made, lambda operators: operators[:2] + operators[3:])
    assert error(model, made) < 0.6 * error(made.int8_model, made)


def test_scores_that_are_made_in_float_are_put_out_in_float(graphs: Callable[..., Any]) -> None:
    made = graphs("plain", "uint8")
    dtypes = [
        tflite_schema.describe(mixture(made, choose)).outputs[0].dtype
        for choose in (lambda operators: operators[-1:], lambda operators: operators[:1])
    ]
    assert dtypes == ["float32", "uint8"]


def test_neighbours_in_float_are_not_converted_between(graphs: Callable[..., Any]) -> None:
    made = graphs("plain", "float32")
    model = mixture(made, lambda operators: operators)
    names = {operator.name for operator in tflite_schema.describe(model).operators}
    assert not names & {"QUANTIZE", "DEQUANTIZE"}


def test_the_graphs_that_it_is_made_of_stay_as_they_were(graphs: Callable[..., Any]) -> None:
    made = graphs("branches")
    original, quantized = map(tflite_schema.unpack, (made.float_model, made.int8_model))
    before = [tflite_schema.pack(original), tflite_schema.pack(quantized)]
    kept = sorted(twins(original, quantized))[::2]
    first = mixed_precision.keep_in_float(original, quantized, kept, made.spec)
    assert [tflite_schema.pack(original), tflite_schema.pack(quantized)] == before
    assert mixed_precision.keep_in_float(original, quantized, kept, made.spec) == first


def test_a_gray_or_raw_input_needs_no_offset(graphs: Callable[..., Any]) -> None:
    made = graphs("plain", "float32")
    raw = replace(made, spec=preprocessing.from_preset("raw", width=24, height=24))
    model = mixture(raw, lambda operators: operators)
    assert "ADD" not in {operator.name for operator in tflite_schema.describe(model).operators}


def test_scores_in_float32_are_not_multiples_of_a_256th(graphs: Callable[..., Any]) -> None:
    made = graphs("plain", "float32")
    exact = mixed_precision.with_exact_scores(made.float_model, made.int8_model, made.spec)
    before, after = scores(made.int8_model, made), scores(exact, made)
    np.testing.assert_allclose(before * 256, np.rint(before * 256), atol=1e-4)
    assert np.abs(after * 256 - np.rint(after * 256)).max() > 0.2
    assert np.abs(after.sum(axis=1) - 1).max() < 1e-5
    assert error(exact, made) < error(made.int8_model, made)
    described = tflite_schema.describe(exact)
    assert [tensor.dtype for tensor in (*described.inputs, *described.outputs)] == ["float32"] * 2


def test_scores_that_no_softmax_makes_stay_as_they_are(graphs: Callable[..., Any]) -> None:
    made = graphs("plain", "float32")
    trees = [tflite_schema.unpack(model) for model in (made.float_model, made.int8_model)]
    for tree in trees:
        graph = tree.subgraphs[0]
        codes = [operator_code(tree, operator) for operator in graph.operators]
        softmax = codes.index(schema.BuiltinOperator.SOFTMAX)
        graph.operators, graph.outputs = (
            graph.operators[:softmax],
            graph.operators[softmax].inputs[:1],
        )
        tree.signatureDefs = []
    logits = [tflite_schema.pack(tree) for tree in trees]
    assert mixed_precision.with_exact_scores(*logits, made.spec) == logits[1]
