"""Loading SavedModels: what is found in a good one, what is said of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.errors import UsageError
from convert.sources import source

RED_GREEN_BLUE_YELLOW = np.array([[1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, -1]], np.float32)


def pictures(count: int, side: int = 24) -> np.ndarray:
    """Plain pictures -1..1, the colours in turn."""
    colours = RED_GREEN_BLUE_YELLOW[np.arange(count) % 4]
    return np.broadcast_to(colours[:, None, None], (count, side, side, 3)).astype(np.float32)


def test_input_output_and_size_are_found(models: Path) -> None:
    loaded = source.load(models / "colours", None)
    assert loaded.signature == "serving_default"
    assert (loaded.input_name, loaded.output_name) == ("image", "scores")
    assert (loaded.height, loaded.width, loaded.channels) == (24, 24, 3)
    assert loaded.classes == 4


@pytest.mark.parametrize("count", [1, source.BATCH, source.BATCH + 3])
def test_predict_answers_every_picture_in_order(models: Path, count: int) -> None:
    scores = source.load(models / "colours", None).predict(pictures(count))
    assert scores.dtype == np.float32
    assert scores.shape == (count, 4)
    assert list(scores.argmax(axis=1)) == [n % 4 for n in range(count)]


def test_a_model_with_a_fixed_batch_of_one_is_run_picture_by_picture(models: Path) -> None:
    loaded = source.load(models / "batch_of_1", None)
    assert list(loaded.predict(pictures(6)).argmax(axis=1)) == [0, 1, 2, 3, 0, 1]


def test_the_single_image_function_takes_one_and_answers_the_same(models: Path) -> None:
    loaded = source.load(models / "colours", None)
    function = loaded.single_image_function()
    (image,) = function.structured_input_signature[0]
    assert image.shape.as_list() == [1, 24, 24, 3]
    answer = function(pictures(1))["scores"].numpy()
    np.testing.assert_allclose(answer, loaded.predict(pictures(1)), atol=1e-6)


def test_a_gray_model_has_one_channel(models: Path) -> None:
    assert source.load(models / "gray", None).channels == 1


def test_keras_serve_and_serving_default_count_as_one_signature(keras_model: Path) -> None:
    loaded = source.load(keras_model, None)
    assert loaded.signature == "serving_default"
    assert list(loaded.predict(pictures(4)).argmax(axis=1)) == [0, 1, 2, 3]


def test_keras_serve_can_still_be_asked_for(keras_model: Path) -> None:
    assert source.load(keras_model, "serve").signature == "serve"


def test_several_signatures_are_listed(models: Path) -> None:
    with pytest.raises(UsageError, match=r"several signatures \(classify, raw\).*--signature"):
        source.load(models / "several", None)


@pytest.mark.parametrize(("signature", "output"), [("classify", "scores"), ("raw", "logits")])
def test_signature_chooses(models: Path, signature: str, output: str) -> None:
    assert source.load(models / "several", signature).output_name == output


def test_an_unknown_signature_is_answered_with_those_there_are(models: Path) -> None:
    with pytest.raises(UsageError, match=r"no signature 'predict': choose one of classify, raw"):
        source.load(models / "several", "predict")


def test_a_model_without_signatures_says_how_to_save_one(models: Path) -> None:
    with pytest.raises(UsageError, match=r"has no signatures: save the model with"):
        source.load(models / "no_signature", None)


def test_a_model_without_image_input_has_its_inputs_described(models: Path) -> None:
    with pytest.raises(UsageError, match=r"does not take one image.*text float32 \(None, 7\)"):
        source.load(models / "words", None)


def test_a_model_with_two_images_is_refused_with_both_names(models: Path) -> None:
    with pytest.raises(UsageError, match=r"does not take one image.*first.*second"):
        source.load(models / "two_inputs", None)


@pytest.mark.parametrize("name", ["two_outputs", "a_map"])
def test_an_output_that_is_no_score_per_class_is_refused(models: Path, name: str) -> None:
    with pytest.raises(UsageError, match="does not put out one score a class"):
        source.load(models / name, None)


def test_a_single_number_is_about_two_classes(models: Path) -> None:
    found = source.load(models / "one_number", None)
    assert (found.numbers, found.classes) == (1, 2)


def test_a_free_size_has_to_be_chosen(models: Path) -> None:
    with pytest.raises(UsageError, match="--input-size"):
        source.load(models / "free", None)


def test_a_free_size_becomes_the_chosen_one(models: Path) -> None:
    loaded = source.load(models / "free", None, (32, 48))
    assert (loaded.height, loaded.width) == (32, 48)
    (image,) = loaded.single_image_function().structured_input_signature[0]
    assert image.shape.as_list() == [1, 32, 48, 3]


def test_a_fixed_size_can_not_be_changed(models: Path) -> None:
    with pytest.raises(UsageError, match="fixed height of 24, not 32"):
        source.load(models / "colours", None, (32, 24))
    assert source.load(models / "colours", None, (24, 24)).width == 24


def test_a_size_that_the_model_can_not_take_is_named(models: Path) -> None:
    with pytest.raises(UsageError, match=r"pictures of 48x32 \(.*\[?24.*--input-size"):
        source.load(models / "needs_its_size", None, (32, 48))


@pytest.mark.parametrize("content", [b"", b"garbage" * 100])
def test_a_damaged_saved_model_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(UsageError, match="can't be loaded as a SavedModel"):
        source.load(tmp_path, None)


def test_a_model_whose_variables_are_missing_is_refused_in_words(
    keras_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "saved_model.pb").write_bytes((keras_model / "saved_model.pb").read_bytes())
    with pytest.raises(UsageError, match="can't be loaded as a SavedModel"):
        source.load(tmp_path, None)


def test_names_of_inputs_need_not_be_python_names(
    tmp_path: Path, save_functions: Callable[..., Path], colour_logits: Callable[..., object]
) -> None:
    """TensorFlow 1 exports call them like that."""
    import tensorflow as tf

    model = tf.Module()
    model.f = tf.function(
        lambda x: {"scores": tf.nn.softmax(colour_logits(x))},
        input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.float32, name="input-1")],
    )
    tf.saved_model.save(model, str(tmp_path), signatures=model.f.get_concrete_function())
    loaded = source.load(tmp_path, None)
    assert list(loaded.predict(pictures(4)).argmax(axis=1)) == [0, 1, 2, 3]
    assert loaded.single_image_function() is not None
