"""Reading .keras and .h5 files without TensorFlow."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from convert.errors import UsageError
from convert.inspecting import inspection_keras


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small network, saved in both forms of Keras 3."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("keras_files")
    layers = tf.keras.layers
    image = layers.Input((16, 12, 3), name="picture")
    inner = tf.keras.Sequential(
        [layers.Conv2D(2, 3, name="first"), layers.BatchNormalization()], name="backbone"
    )
    x = layers.GlobalAveragePooling2D()(inner(layers.Rescaling(1 / 127.5, offset=-1)(image)))
    scores = layers.Dense(5, activation="softmax", name="scores")(x)
    network = tf.keras.Model(image, scores, name="tiny")
    network.save(folder / "tiny.keras")
    network.save(folder / "tiny.h5")
    return folder


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_inputs_outputs_layers_and_parameters(saved: Path, kind: str) -> None:
    import keras

    document = inspection_keras.document(saved / f"tiny.{kind}", kind)
    assert document["written_by"]["keras"] == keras.__version__
    assert document["name"] == "tiny"
    assert document["parameters"] == (3 * 3 * 3 * 2 + 2) + 4 * 2 + (2 * 5 + 5)
    (signature,) = document["signatures"]
    (image,) = signature["inputs"]
    assert (image["name"], image["dtype"], image["shape"]) == (
        "picture",
        "float32",
        [None, 16, 12, 3],
    )
    (output,) = signature["outputs"]
    assert (output["name"], output["shape"], output["activation"]) == (
        "scores",
        [None, 5],
        "softmax",
    )
    layers = {o["name"]: o["count"] for o in signature["operators"]}
    assert layers["Conv2D"] == layers["BatchNormalization"] == layers["Dense"] == 1


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_a_rescaling_layer_is_evidence(saved: Path, kind: str) -> None:
    document = inspection_keras.document(saved / f"tiny.{kind}", kind)
    guess = document["signatures"][0]["preprocessing_guess"]
    assert (guess["preset"], guess["strength"]) == ("raw", "strong")
    assert "(x - 127.5) / 127.5" in " ".join(guess["evidence"])


def test_arithmetic_on_the_input_is_evidence_too(tmp_path: Path) -> None:
    import tensorflow as tf

    image = tf.keras.layers.Input((8, 8, 3))
    scores = tf.keras.layers.Dense(3)(tf.keras.layers.Flatten()(image * 2.0 - 1.0))
    tf.keras.Model(image, scores).save(tmp_path / "m.keras")
    guess = inspection_keras.document(tmp_path / "m.keras", "keras")["signatures"][0]
    assert guess["preprocessing_guess"]["preset"] == "unit"


def test_a_network_of_free_size_needs_one(tmp_path: Path) -> None:
    import tensorflow as tf

    layers = tf.keras.layers
    tf.keras.Sequential(
        [layers.Input((None, None, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    ).save(tmp_path / "m.keras")
    assert inspection_keras.document(tmp_path / "m.keras", "keras")["build_needs"] == [
        "--input-size"
    ]


def test_weights_alone_are_no_model(tmp_path: Path, saved: Path) -> None:
    import tensorflow as tf

    tf.keras.models.load_model(saved / "tiny.keras").save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(UsageError, match="weights without the model"):
        inspection_keras.document(tmp_path / "w.weights.h5", "h5")


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_a_file_that_was_cut_off_is_a_sentence(saved: Path, tmp_path: Path, kind: str) -> None:
    whole = (saved / f"tiny.{kind}").read_bytes()
    for size in (20, len(whole) // 2, len(whole) - 30):
        cut = tmp_path / f"cut.{kind}"
        cut.write_bytes(whole[:size])
        with pytest.raises(UsageError, match="can't be read as a Keras model"):
            inspection_keras.document(cut, kind)


@pytest.mark.parametrize(
    "config", [{}, [], "text", {"config": 7}, {"config": {"layers": [{}]}}, {"config": {}}]
)
def test_a_configuration_of_another_form_is_a_sentence(
    saved: Path, tmp_path: Path, config: Any
) -> None:
    path = tmp_path / "odd.keras"
    with zipfile.ZipFile(saved / "tiny.keras") as good, zipfile.ZipFile(path, "w") as odd:
        odd.writestr("config.json", json.dumps(config))
        for name in ("metadata.json", "model.weights.h5"):
            odd.writestr(name, good.read(name))
    try:
        document = inspection_keras.document(path, "keras")
    except UsageError as error:
        assert "can't be read as a Keras model" in str(error)
    else:
        assert document["signatures"][0]["inputs"] == []


def test_a_teachable_machine_export_is_known_by_its_names(shared: Path) -> None:
    document = inspection_keras.document(shared / "teachable_machine" / "keras_model.h5", "h5")
    assert document["written_by"]["keras"].startswith("2.")
    (signature,) = document["signatures"]
    assert signature["inputs"][0]["shape"] == [None, 224, 224, 3]
    assert signature["outputs"][0]["shape"] == [None, 4]
    guess = signature["preprocessing_guess"]
    assert (guess["preset"], guess["strength"]) == ("tf", "weak")
    assert "Teachable Machine" in " ".join(guess["evidence"])
