"""Keras files of both Keras 3 and Keras 2, and what is said of those that can't be used."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import UsageError
from convert.sources import source

SIDE = 24
COLOURS = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)
PICTURES = np.broadcast_to(COLOURS[:, None, None], (4, SIDE, SIDE, 3)).astype(np.float32)
LIBRARIES = ("keras", "tf_keras")
FILES = ("model.keras", "model.h5")
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a Keras model: a picture goes in, `body` makes features, four scores come out."""

    def write(library: str, file: str, body: Callable[[Any, Any], Any] | None = None) -> Path:
        keras = importlib.import_module(library)
        inputs = keras.layers.Input((SIDE, SIDE, 3), name="picture")
        head = keras.layers.Dense(4, activation="softmax")
        x = inputs if body is None else body(keras.layers, inputs)
        x = keras.layers.GlobalAveragePooling2D()(x)
        model = keras.Model(inputs, head(keras.layers.Dropout(0.5)(x)))
        head.set_weights([3 * COLOURS.T, np.zeros(4, np.float32)])
        model.save(tmp_path / file)
        return tmp_path / file

    return write


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_keras_file_is_loaded_by_the_keras_that_wrote_it(
    save: Save, library: str, file: str
) -> None:
    """Keras 3 refuses depthwise convolutions of Keras 2, and exports resizing in training mode."""

    def body(layers: Any, x: Any) -> Any:
        identity = layers.DepthwiseConv2D(1, depthwise_initializer="ones", use_bias=False)
        rescaled = layers.Rescaling(2, offset=0.0)(layers.Resizing(12, 12)(x))
        return layers.BatchNormalization()(identity(rescaled))

    loaded = source.load(save(library, file, body), None)
    assert loaded.format == file.split(".")[1]
    assert (loaded.signature, loaded.input_name, loaded.input_dtype) == (
        ("__call__", "picture", "float32")
    )
    assert (loaded.height, loaded.width, loaded.channels, loaded.classes) == (SIDE, SIDE, 3, 4)
    assert list(loaded.predict(PICTURES).argmax(axis=1)) == [0, 1, 2, 3]
    answer = loaded.single_image_function()(PICTURES[:1])[loaded.output_name].numpy()
    np.testing.assert_allclose(answer, loaded.predict(PICTURES[:1]), atol=1e-6)
    assert loaded.fingerprint.startswith("sha256:")


@pytest.mark.shared
def test_a_real_teachable_machine_model_answers_as_keras_2_does(shared: Path) -> None:
    import tf_keras

    path = shared / "teachable_machine" / "keras_model.h5"
    loaded = source.load(path, None)
    assert (loaded.format, loaded.height, loaded.width, loaded.classes) == ("h5", 224, 224, 4)
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 224, 224, 3)).astype(np.float32)
    expected = tf_keras.models.load_model(path, compile=False)(noise, training=False).numpy()
    np.testing.assert_allclose(loaded.predict(noise), expected, atol=1e-5)


def test_both_kinds_load_in_one_process_whatever_the_environment_says(
    save: Save, without_tensorflow: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF_USE_LEGACY_KERAS turns tf.keras into Keras 2, KERAS_BACKEND turns Keras 3 to another."""
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    script = (
        "import json, sys; from pathlib import Path; from convert.sources import source\n"
        "print(json.dumps([source.load(Path(p), None).classes for p in sys.argv[1:]]))"
    )
    files = [save(library, f"{library}.{end}") for library in LIBRARIES for end in ("h5", "keras")]
    assert without_tensorflow(script, *files) == [4, 4, 4, 4]


def test_a_dict_input_keeps_its_name(tmp_path: Path) -> None:
    import keras

    image = keras.layers.Input((SIDE, SIDE, 3), name="image")
    scores = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(image))
    keras.Model({"image": image}, {"scores": scores}).save(tmp_path / "m.keras")
    loaded = source.load(tmp_path / "m.keras", None)
    assert (loaded.input_name, loaded.output_name) == ("image", "scores")
    assert loaded.predict(PICTURES).shape == (4, 4)


def test_several_inputs_are_refused_with_their_names(tmp_path: Path) -> None:
    import keras

    views = [keras.layers.Input((SIDE, SIDE, 3), name=name) for name in ("left", "right")]
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()(views))
    keras.Model(views, keras.layers.Dense(4)(pooled)).save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match=r"does not take one image.*left float32.*right float32"):
        source.load(tmp_path / "m.keras", None)


def test_several_outputs_are_refused_with_their_names(tmp_path: Path) -> None:
    import keras

    image = keras.layers.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    outputs = {"kind": keras.layers.Dense(4)(pooled), "age": keras.layers.Dense(2)(pooled)}
    keras.Model(image, outputs).save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match=r"its outputs are: age float32.*kind float32"):
        source.load(tmp_path / "m.keras", None)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_layer_of_the_authors_own_is_named_and_a_saved_model_advised(
    save: Save, library: str, file: str
) -> None:
    base = importlib.import_module(library).layers.Layer

    class Gate(base):  # type: ignore[misc, valid-type]
        def call(self, x: Any) -> Any:
            return x * 2

    Gate.__module__ = "training"  # a script that is not here
    path = save(library, file, lambda _, x: Gate()(x))
    with pytest.raises(UsageError, match=r"needs 'Gate'.*SavedModel with model\.export"):
        source.load(path, None)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_python_code_in_a_file_is_not_run(save: Save, library: str, file: str) -> None:
    path = save(library, file, lambda layers, x: layers.Lambda(lambda t: t * 2, name="double")(x))
    with pytest.raises(UsageError, match=r"'double'.*is a Lambda.*not run"):
        source.load(path, None)


@pytest.mark.parametrize("library", LIBRARIES)
def test_weights_alone_are_refused(tmp_path: Path, library: str) -> None:
    keras = importlib.import_module(library)
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    model.save_weights(tmp_path / "my.weights.h5")
    with pytest.raises(UsageError, match="holds weights and no model"):
        source.load(tmp_path / "my.weights.h5", None)


def test_a_signature_does_not_go_with_a_keras_file(save: Save) -> None:
    with pytest.raises(UsageError, match="no signatures: drop --signature"):
        source.load(save("keras", "model.keras"), "serving_default")


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_was_cut_off_is_refused_in_words(save: Save, file: str) -> None:
    path = save("keras", file)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(UsageError, match=f"{file}.*(damaged|can't be read)"):
        source.load(path, None)


def test_a_keras_file_whose_weights_are_missing_is_refused_in_words(save: Save) -> None:
    path = save("keras", "model.keras")
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in ("config.json", "metadata.json"):
            new.writestr(name, old.read(name))
    path.write_bytes(content.getvalue())
    with pytest.raises(UsageError, match=r"which Keras 3.* wrote, can't be loaded"):
        source.load(path, None)


def test_a_network_that_never_saw_an_input_shape_is_refused(tmp_path: Path) -> None:
    import keras

    network = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4)])
    network.save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match="does not say what its input is"):
        source.load(tmp_path / "m.keras", None)


def test_a_version_is_read_where_bytes_hold_it(save: Save) -> None:
    """Old h5py wrote strings as bytes."""
    import h5py

    path = save("tf_keras", "model.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = np.bytes_(json.dumps(config))
        file.attrs["keras_version"] = np.bytes_("2.2.4")
    assert source.load(path, None).classes == 4


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("saved", "names"),
    [
        ("m.h5", ("a.keras", "b.model", "c.H5", "d.zip")),
        ("m.keras", ("a.h5", "b.model", "c.KERAS", "d.keras (1)", "e.zip")),
    ],
)
def test_a_file_is_loaded_under_any_name(
    save: Save, library: str, saved: str, names: tuple[str, ...]
) -> None:
    """TensorFlow 2.0 to 2.11 wrote HDF5 into x.keras; tutorials and browsers rename the rest."""
    path = save(library, saved)
    expected = source.load(path, None).predict(PICTURES)
    for name in names:
        renamed = path.with_name(name)
        renamed.write_bytes(path.read_bytes())
        loaded = source.load(renamed, None)
        assert loaded.format == saved.split(".")[1]
        np.testing.assert_array_equal(loaded.predict(PICTURES), expected)


def test_operations_in_an_h5_of_keras_3_are_found(save: Save) -> None:
    """An .h5 names them like layers, as when preprocess_input() or x / 255 is in the model."""

    def body(layers: Any, x: Any) -> Any:
        turned = keras.ops.stack([x[..., 2], x[..., 1], x[..., 0]], axis=-1)
        shifted = (turned / 2.0 + 0.5) * keras.ops.convert_to_tensor([1.0, 0.5, 2.0])
        summed = layers.Add()([shifted, layers.ReLU()(x)])  # the layer, not the operation
        return summed + 1.0

    import keras

    path = save("keras", "model.h5", body)
    loaded = source.load(path, None)
    twin = source.load(save("keras", "model.keras", body), None)
    assert loaded.format == "h5"
    np.testing.assert_allclose(loaded.predict(PICTURES), twin.predict(PICTURES), atol=1e-6)
    single = loaded.single_image_function()(PICTURES[:1])[loaded.output_name].numpy()
    np.testing.assert_allclose(single, twin.predict(PICTURES[:1]), atol=1e-6)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_registered_function_is_named_with_its_package(
    save: Save, library: str, file: str
) -> None:
    keras = importlib.import_module(library)

    def swoosh(x: Any) -> Any:
        return x * 2

    register = keras.saving.register_keras_serializable(package="Addons", name="swoosh")
    path = save(
        library, file, lambda layers, x: layers.Conv2D(3, 1, activation=register(swoosh))(x)
    )
    keras.saving.get_custom_objects().pop("Addons>swoosh")
    with pytest.raises(UsageError, match=r"needs 'Addons>swoosh', code of its author's"):
        source.load(path, None)


def test_a_pointer_to_a_saved_model_leads_to_it(save: Save, keras_model: Path) -> None:
    def body(layers: Any, x: Any) -> Any:
        pointer = layers.TFSMLayer(str(keras_model), call_endpoint="serve", name="pointer")
        return layers.Conv2D(3, 1)(layers.Reshape((1, 1, 4))(pointer(x)))

    path = save("keras", "model.keras", body)
    with pytest.raises(UsageError) as caught:
        source.load(path, None)
    assert f"'pointer' of {path} only points to a SavedModel ({keras_model})" in str(caught.value)


def test_a_model_that_keras_quantized_is_refused_before_it_is_built(tmp_path: Path) -> None:
    import keras

    image = keras.layers.Input((SIDE, SIDE, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    model = keras.Model(image, keras.layers.Dense(4)(pooled))
    model.quantize("int8")
    model.save(tmp_path / "m.keras")
    with pytest.raises(UsageError, match=r"model\.quantize\(\).*the model from before quantize"):
        source.load(tmp_path / "m.keras", None)


def test_names_in_other_scripts_are_no_hindrance(save: Save) -> None:
    """Keras on JAX or PyTorch takes any name for a layer, TensorFlow does not."""
    path = save("keras", "model.keras", lambda layers, x: layers.Conv2D(3, 1, name="plain")(x))
    expected = source.load(path, None).predict(PICTURES)
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = data.replace(b'"plain"', json.dumps("св\u0451ртка").encode())
            new.writestr(name, data)
    path.write_bytes(content.getvalue())
    np.testing.assert_array_equal(source.load(path, None).predict(PICTURES), expected)


@pytest.mark.parametrize(("library", "kind"), [("keras", "LSTM"), ("tf_keras", "GRU")])
def test_a_recurrent_layer_is_traced_anew_for_one_picture(
    save: Save, library: str, kind: str
) -> None:
    """With its batch left free its loop has no form in a .tflite."""
    import tensorflow as tf

    def body(layers: Any, x: Any) -> Any:
        rows = layers.Reshape((SIDE, SIDE * 3))(x)
        deep = getattr(layers, kind)(3)(getattr(layers, kind)(3, return_sequences=True)(rows))
        return layers.Reshape((1, 1, 3))(deep)

    loaded = source.load(save(library, "model.h5", body), None)
    noise = np.random.default_rng(0).uniform(-1, 1, (3, SIDE, SIDE, 3)).astype(np.float32)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [loaded.single_image_function()], loaded.trackable
    )
    answers = interpreted(converter.convert(), noise)
    np.testing.assert_allclose(answers, loaded.predict(noise), atol=1e-5)


def interpreted(model: bytes, pictures: np.ndarray) -> np.ndarray:
    """What a float32 .tflite answers to each picture, from a fresh state."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for picture in pictures:
        interpreter.reset_all_variables()
        interpreter.set_tensor(taken["index"], picture[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(given["index"])[0])
    return np.stack(rows)
