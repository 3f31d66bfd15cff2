"""Reading SavedModels without TensorFlow, against what TensorFlow itself says of them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import UsageError
from convert.inspecting import inspection_saved_model
from convert.sources import source

SHAPE = {"image": [None, 24, 24, 3]}


@pytest.fixture(scope="module")
def begun(
    tmp_path_factory: pytest.TempPathFactory,
    save_functions: Callable[..., Path],
    colour_logits: Callable[..., Any],
) -> Path:
    """SavedModels that begin with preprocessing of their own."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("begun")
    mean = np.array([103.939, 116.779, 123.68], np.float32)

    def rescaling(image: Any) -> Any:
        return {"scores": colour_logits(image * (1 / 127.5) - 1.0)}

    def caffe(image: Any) -> Any:
        return {"scores": colour_logits(image[..., ::-1] - mean)}

    def swapped(image: Any) -> Any:
        return {"scores": colour_logits(1.0 - image)}

    def resized(image: Any) -> Any:
        return {"scores": colour_logits(tf.image.resize(image, (8, 8)))}

    def fake(image: Any) -> Any:
        image = tf.quantization.fake_quant_with_min_max_vars(image, -1.0, 1.0)
        return {"scores": colour_logits(image)}

    def nested(image: Any) -> Any:
        return {"scores": tf.function(colour_logits)(tf.function(lambda x: x / 255.0)(image))}

    for function in (rescaling, caffe, swapped, resized, fake, nested):
        save_functions(folder / function.__name__, serving_default=(function, SHAPE))
    return folder


def _guess(path: Path) -> dict[str, Any]:
    guess: dict[str, Any] = inspection_saved_model.document(path)["signatures"][0][
        "preprocessing_guess"
    ]
    return guess


def test_signatures_are_those_that_tensorflow_loads(models: Path) -> None:
    import tensorflow as tf

    document = inspection_saved_model.document(models / "several")
    loaded = tf.saved_model.load(str(models / "several")).signatures
    assert {s["name"] for s in document["signatures"]} == set(loaded)
    for signature in document["signatures"]:
        function = loaded[signature["name"]]
        (image,) = signature["inputs"]
        spec = function.structured_input_signature[1][image["name"]]
        assert (image["dtype"], image["shape"]) == (spec.dtype.name, spec.shape.as_list())
        (output,) = signature["outputs"]
        spec = function.structured_outputs[output["name"]]
        assert (output["dtype"], output["shape"]) == (spec.dtype.name, spec.shape.as_list())
    assert document["build_needs"] == ["--signature"]


def test_it_says_which_tensorflow_wrote_it(models: Path) -> None:
    import tensorflow as tf

    document = inspection_saved_model.document(models / "colours")
    assert document["written_by"] == {"tensorflow": tf.__version__, "keras": None}
    assert document["tags"] == ["serve"]


def test_parameters_are_counted_once_each(keras_model: Path) -> None:
    document = inspection_saved_model.document(keras_model)
    assert (document["variables"], document["parameters"]) == (2, 3 * 4 + 4)
    assert document["written_by"]["keras"] == "3"


def test_keras_3_names_one_signature_twice_and_it_is_listed_once(keras_model: Path) -> None:
    document = inspection_saved_model.document(keras_model)
    assert [s["name"] for s in document["signatures"]] == ["serving_default"]
    assert document["build_needs"] == []


def test_only_operators_that_are_run_are_counted(models: Path) -> None:
    (signature,) = inspection_saved_model.document(models / "colours")["signatures"]
    counts = {o["name"]: o["count"] for o in signature["operators"]}
    assert counts == {"Conv2D": 1, "Mean": 1, "MatMul": 1, "Softmax": 1}


def test_a_free_size_is_none_and_build_is_told_so(models: Path) -> None:
    document = inspection_saved_model.document(models / "free")
    assert document["signatures"][0]["inputs"][0]["shape"] == [None, None, None, 3]
    assert document["build_needs"] == ["--input-size"]


def test_the_fingerprint_is_the_one_that_builds_record(models: Path) -> None:
    document = inspection_saved_model.document(models / "colours")
    assert document["fingerprint"] == source.load(models / "colours", None).fingerprint


@pytest.mark.parametrize(
    ("name", "preset", "evidence"),
    [
        ("rescaling", "raw", "(x - 127.5) / 127.5"),
        ("caffe", "raw", "x - [103.94, 116.78, 123.68]"),
        ("fake", "tf", "quantized to -1..1"),
        ("nested", "raw", "x / 255"),
        ("resized", None, "resizes"),
    ],
)
def test_the_graph_is_evidence_for_its_preprocessing(
    begun: Path, name: str, preset: str | None, evidence: str
) -> None:
    guess = _guess(begun / name)
    assert guess["preset"] == preset
    assert evidence in " ".join(guess["evidence"])


def test_channels_that_it_reverses_itself_are_told(begun: Path) -> None:
    assert any("reverses" in e for e in _guess(begun / "caffe")["evidence"])
    assert not any("reverses" in e for e in _guess(begun / "rescaling")["evidence"])


def test_a_constant_on_the_left_of_a_difference_turns_the_sign(begun: Path) -> None:
    assert "x - 1) * -1" in " ".join(_guess(begun / "swapped")["evidence"])


def test_keras_layers_are_followed_through_the_functions_they_are_saved_in(
    tmp_path: Path,
) -> None:
    import tensorflow as tf

    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [
            layers.Input((8, 8, 3)),
            layers.Normalization(mean=[123.0, 116.0, 103.0], variance=[3364.0, 3249.0, 3136.0]),
            layers.Conv2D(2, 3),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    network.export(str(tmp_path / "model"), verbose=False)
    guess = _guess(tmp_path / "model")
    assert guess["preset"] == "raw"
    assert "(x - [123, 116, 103]) / [58, 57, 56]" in " ".join(guess["evidence"])


def test_a_model_that_takes_no_picture_has_no_guess(models: Path) -> None:
    assert _guess(models / "words") is None
    assert _guess(models / "two_inputs") is None


def test_a_saved_model_without_signatures_has_none(models: Path) -> None:
    assert inspection_saved_model.document(models / "no_signature")["signatures"] == []


def test_damage_is_a_sentence(models: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(models / "colours", copy)
    graph = copy / "saved_model.pb"
    data, chance, refused = graph.read_bytes(), random.Random(0), 0
    for number in range(120):
        damaged = bytearray(data)
        damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        if number % 3 == 0:
            del damaged[chance.randrange(len(data)) :]
        graph.write_bytes(damaged)
        try:
            inspection_saved_model.document(copy)
        except UsageError as error:
            assert "saved_model.pb is damaged" in str(error)
            refused += 1
    assert refused > 40


def test_real_models_are_read(shared: Path) -> None:
    document = inspection_saved_model.document(shared / "saved_models" / "mobilenet_v2_100_224")
    assert document["parameters"] == 3_489_097
    (signature,) = document["signatures"]
    assert {o["name"]: o["count"] for o in signature["operators"]}["DepthwiseConv2dNative"] == 17
    assert signature["preprocessing_guess"]["preset"] == "tf"
    assert signature["preprocessing_guess"]["strength"] == "weak"
