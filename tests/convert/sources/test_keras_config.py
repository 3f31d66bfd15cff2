"""What a Keras configuration says: names of what is missing, layers in training."""

from __future__ import annotations

from typing import Any

import pytest

from convert.sources import keras_config


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Functional", "config": {"name": "model", "layers": list(layers)}}


def layer(class_name: str, **more: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": {"name": class_name.lower()}} | more


def activation(value: Any) -> dict[str, Any]:
    return {"class_name": "Conv2D", "config": {"name": "conv", "activation": value}}


NEW_FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "config": "mish",
    "registered_name": "Addons>mish",
}


@pytest.mark.parametrize(
    ("config", "said", "name"),
    [
        (model(layer("Gate", module="training")), "", "Gate"),
        (
            model(layer("Norm", module="a.b", registered_name="Addons>Norm")),
            "Could not locate class 'Norm'.",
            "Addons>Norm",
        ),
        (model(layer("Addons>Norm")), "Unknown layer: 'Addons>Norm'. Please", "Addons>Norm"),
        (model(activation(NEW_FUNCTION)), "Could not locate function 'mish'.", "Addons>mish"),
        (model(activation("Addons>mish")), "Unknown activation function: 'Addons>mish'.",
         "Addons>mish"),
        (model(activation("swoosh")), "Unknown activation function: 'swoosh'.", "swoosh"),
        (model(activation("swoosh")), "Cannot deserialize object of type `function`.", None),
        (model(layer("Dense")), "Layer 'dense' expected 2 variables, but received 0.", None),
        (model(layer("Dense", module="keras.layers")), "unreadable", None),
    ],
)  # fmt: skip
def test_what_is_missing_is_called_as_the_file_calls_it(
    config: Any, said: str, name: str | None
) -> None:
    assert keras_config.missing(config, said) == name


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ([[["conv", 0, 0, {"training": True}]]], "dropout"),
        ([{"args": [], "kwargs": {"training": True}}], "dropout"),
        ([[["conv", 0, 0, {"training": False}]]], None),
        ([{"args": [], "kwargs": {"training": None}}], None),
        ([], None),
    ],
)
def test_a_layer_in_training_is_named_in_every_notation(nodes: Any, named: str | None) -> None:
    inner = model(layer("Conv2D"), layer("Dropout", inbound_nodes=nodes))
    assert keras_config.in_training(model(inner)) == named


@pytest.mark.parametrize(
    ("policy", "quantized"),
    [
        ("QuantizedDTypePolicy", True),
        ("QuantizedFloat8DTypePolicy", True),
        ("Int4DTypePolicy", True),
        ("DTypePolicy", False),
        ("FloatDTypePolicy", False),
        ("DTypePolicyMap", False),
    ],
)
def test_keras_own_quantization_is_seen(policy: str, quantized: bool) -> None:
    dtype = {"module": "keras", "class_name": policy, "config": {}}
    dense = {"class_name": "Dense", "config": {"name": "dense", "dtype": dtype}}
    assert keras_config.quantized(model(dense)) is quantized


def test_keras_own_quantization_is_seen_by_its_name_too() -> None:
    def dense(dtype: str) -> dict[str, Any]:
        return {"class_name": "Dense", "config": {"name": "dense", "dtype": dtype}}

    assert keras_config.quantized(model(dense("int8_from_mixed_bfloat16")))
    assert not keras_config.quantized(model(dense("mixed_bfloat16")))
