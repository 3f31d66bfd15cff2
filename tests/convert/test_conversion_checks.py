"""A converter that falls back silently is caught: a file is held against what it is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convert import calibration, conversion_checks, photos, quantize, recipes
from convert.console import Console
from convert.errors import BuildError
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.recipes import RECIPES, Recipe
from convert.sources import source
from edge_server.inference import preprocessing


@pytest.fixture(scope="module")
def files(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """One model in every recipe; all int8 and int16x8 files have float32 input and output."""
    import tensorflow as tf

    kernel = np.random.default_rng(0).normal(0, 0.3, (1, 1, 3, 512)).astype(np.float32)

    def classify(image: Any) -> Any:
        return {"scores": tf.reduce_mean(tf.nn.relu6(tf.nn.conv2d(image, kernel, 8, "SAME")), 1)}

    save = request.getfixturevalue("save_functions")
    folder = tmp_path_factory.mktemp("checked") / "model"
    flat = lambda image: {"scores": tf.reduce_mean(classify(image)["scores"], 1)}  # noqa: E731
    save(folder, serving_default=(flat, {"image": [None, 24, 24, 3]}))
    model = source.load(folder, None)
    spec = preprocessing.from_preset("tf", width=24, height=24)
    pictures = photos.read_unlabelled(request.getfixturevalue("photos").calibration)
    calibrated = calibration.load(pictures, spec, 4, Console())
    return {
        name: quantize.convert(model, recipes.get(name, "float32"), calibrated, Console())
        for name in RECIPES
    }


def as_recipe(name: str, **changed: Any) -> Recipe:
    return dataclasses.replace(recipes.get(name, "float32"), **changed)


def test_what_each_recipe_made_passes(files: dict[str, bytes]) -> None:
    for name, model in files.items():
        conversion_checks.check(model, as_recipe(name))


@pytest.mark.parametrize(
    ("made", "promised", "said"),
    [
        ("float32", "float16", r"weights of CONV_2D \(in .*\) stayed float32 where float16 means"),
        ("float32", "dynamic", r"weights of CONV_2D .* stayed float32 where dynamic means int8"),
        ("float16", "dynamic", "stayed float16 where dynamic means int8"),
        (
            "float32",
            "int8",
            r"converter has no int8 form of CONV_2D \(in .*\), MEAN \(in .*\)",
        ),
        ("dynamic", "int8", "has no int8 form of CONV_2D"),
        ("int8", "int16x8", r"activation .* came out as int8 where int16x8 means int16"),
        ("int16x8", "int8", r"activation .* came out as int16 where int8 means int8"),
    ],
)
def test_what_another_recipe_made_is_seen(
    files: dict[str, bytes], made: str, promised: str, said: str
) -> None:
    with pytest.raises(BuildError, match=said):
        conversion_checks.check(files[made], as_recipe(promised))


def test_float_at_the_very_end_is_named_by_its_operator(files: dict[str, bytes]) -> None:
    """And not as an output of another dtype, which would not tell why."""
    model = tflite_schema.unpack(files["int8"])
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.NEG
    model.operatorCodes.append(code)
    scores, negative = graph.tensors[graph.outputs[0]], schema.TensorT()
    assert scores.type == schema.TensorType.FLOAT32
    negative.name, negative.type, negative.shape = b"model/head/Neg", scores.type, scores.shape
    graph.tensors.append(negative)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [graph.outputs[0]], [len(graph.tensors) - 1]
    graph.operators.append(operator)
    graph.outputs = operator.outputs
    with pytest.raises(BuildError, match=r"no int8 form of NEG \(in head\)\."):
        conversion_checks.check(tflite_schema.pack(model), RECIPES["int8"])


def test_another_dtype_than_was_asked_for_is_seen(files: dict[str, bytes]) -> None:
    with pytest.raises(BuildError, match="input float32 where int8 means uint8"):
        conversion_checks.check(files["int8"], RECIPES["int8"])


def test_floating_point_hidden_in_a_branch_is_seen(files: dict[str, bytes]) -> None:
    """A second subgraph, as `tf.cond` makes it."""
    model = tflite_schema.unpack(files["int8"])
    hidden = schema.SubGraphT()
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = b"hidden", [1], schema.TensorType.FLOAT32
    hidden.tensors, hidden.inputs, hidden.outputs, hidden.operators = [tensor], [0], [0], []
    model.subgraphs.append(hidden)
    with pytest.raises(BuildError, match=r"1 tensors stayed floating-point .*hidden"):
        conversion_checks.check(tflite_schema.pack(model), as_recipe("int8"))


def test_an_operator_of_tensorflow_in_the_file_is_named(
    files: dict[str, bytes], renamed: Callable[[bytes, str], bytes]
) -> None:
    model = renamed(files["float32"], "FlexErf")
    with pytest.raises(BuildError, match=r"TensorFlow's own operators \(Erf\)"):
        conversion_checks.check(model, as_recipe("float32"))
    conversion_checks.check(model, as_recipe("float32"), {"Erf"})


@pytest.fixture
def renamed() -> Callable[[bytes, str], bytes]:
    def with_custom(model: bytes, name: str) -> bytes:
        """The file with one more operator in its table."""
        root = tflite_schema.unpack(model)
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode, code.version = name.encode(), 1
        root.operatorCodes.append(code)
        return tflite_schema.pack(root)

    return with_custom
