from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from camera.sources.demo import demo_digits, picture
from edge_server.deadline import Deadline
from edge_server.errors import DeadlineExceeded, TensorError
from edge_server.inference import bundle, preprocessing
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import from_preset
from edge_server.inference.statistics import Tally


@pytest.fixture(scope="module")
def tensors(classifier):
    """Held-out digits as a client preprocesses them: uint8 (40, h, w, 1), and normalized."""
    tiles, _ = demo_digits()
    pixels = [preprocessing.resize(picture(tiles, n), classifier.spec) for n in range(40)]
    normalized = [preprocessing.normalize(p, classifier.spec)[0] for p in pixels]
    return np.stack(pixels), np.stack(normalized)


@pytest.fixture
def colours(colour_file):
    """A model whose output is the mean of each channel of what it is given."""

    def make(*, original="unit", file="unit", output=Output.PROBABILITIES, **graph):
        specs = [from_preset(name, width=8, height=8) for name in (original, file)]
        source = {"preprocessing": specs[0].to_json()}
        manifest = Manifest("colours", specs[1], output, "test", source=source)
        files = {"edge.json": manifest.to_bytes(), "labels.txt": b"red\ngreen\nblue"}
        return Classifier(bundle.read(colour_file(files, **graph)))

    return make


def test_the_original_s_numbers_are_answered_as_the_pictures_are(classifier, tensors, encode):
    images = [encode(Image.fromarray(pixels[..., 0])) for pixels in tensors[0]]
    values = classifier.infer(tensors[1])
    assert (values.dtype, values.shape) == (np.float32, (40, 10))
    np.testing.assert_array_equal(values, classifier.infer_images(images))


def test_the_model_s_own_type_goes_in_as_it_is(classifier, tensors):
    info = classifier.tensors.info
    table = preprocessing.quantization_table(
        classifier.spec, info.scale, info.zero_point, info.dtype
    )
    quantized = np.concatenate([preprocessing.quantize(p, table) for p in tensors[0]])
    np.testing.assert_array_equal(classifier.infer(quantized), classifier.infer(tensors[1]))


def test_the_values_are_the_scores_of_a_model_of_probabilities(classifier, tensors):
    tiles, _ = demo_digits()
    for number, row in enumerate(classifier.infer(tensors[1][:3])):
        np.testing.assert_array_equal(row, classifier.scores(picture(tiles, number)))


def test_logits_stay_logits(colours):
    tensor = np.full((1, 8, 8, 3), (4.0, -2.0, 0.5), np.float32)
    values = colours(output=Output.LOGITS).infer(tensor)
    np.testing.assert_allclose(values, [[4.0, -2.0, 0.5]], atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_floats_are_quantized_by_scale_and_zero_point_and_clipped(colours, dtype):
    zero = 100 if dtype == "uint8" else -28
    model = colours(original="tf", file="tf", dtype=dtype, scale=0.02, zero_point=zero)
    tensor = np.full((1, 8, 8, 3), (0.5, -1.009, 99.0), np.float32)
    np.testing.assert_allclose(model.infer(tensor), [[0.5, -1.0, 155 * 0.02]], atol=1e-5)


@pytest.mark.parametrize("original", ["torch", "caffe"])
def test_what_the_graph_does_itself_is_taken_out_of_the_original_s_numbers(colours, original):
    model = colours(original=original, file="raw", dtype="uint8", scale=1.0)
    pixels = np.full((8, 8, 3), (10, 20, 200), np.uint8)
    given = preprocessing.normalize(
        preprocessing.resize(pixels, model.tensors.original), model.tensors.original
    )
    np.testing.assert_array_equal(model.infer(given), [[10, 20, 200]])


def test_an_option_of_the_server_replaces_what_the_original_took(colour_file):
    spec = from_preset("torch", width=8, height=8)
    source = {"preprocessing": spec.to_json()}
    manifest = Manifest("colours", spec, Output.PROBABILITIES, "test", source=source)
    path = colour_file({"edge.json": manifest.to_bytes()})
    model = Classifier(bundle.read(path, preset="unit"))
    tensor = np.full((1, 8, 8, 3), 0.25, np.float32)
    np.testing.assert_allclose(model.infer(tensor), [[0.25] * 3])


def test_a_float_model_answers_infinity(colours):
    values = colours().infer(np.full((1, 8, 8, 3), (1.0, -np.inf, np.inf), np.float32))
    np.testing.assert_array_equal(values, [[1.0, -np.inf, np.inf]])


def test_a_quantized_model_refuses_nan_and_clips_infinity(classifier, tensors):
    tensor = tensors[1][:1].copy()
    tensor[0, 0, 0, 0] = np.inf
    top = tensors[0][:1].copy()
    top[0, 0, 0, 0] = 255
    np.testing.assert_array_equal(classifier.infer(tensor), classifier.infer(top))
    tensor[0, 0, 0, 0] = np.nan
    with pytest.raises(TensorError, match="NaN"):
        classifier.infer(tensor)


@pytest.mark.parametrize(
    ("shape", "said"),
    [((1, 31, 32, 1), "[1,31,32,1]"), ((32, 32, 1), "[32,32,1]"), ((0, 32, 32, 1), "[0,32,32,1]")],
)
def test_another_shape_is_refused_with_both(classifier, shape, said):
    with pytest.raises(TensorError) as refused:
        classifier.infer(np.zeros(shape, np.float32))
    assert "Expecting shape [-1,32,32,1] but got: " + said in str(refused.value)


def test_another_type_is_refused_with_those_that_are_taken(classifier):
    with pytest.raises(TensorError, match=r"int8: send float32.* or uint8"):
        classifier.infer(np.zeros((1, 32, 32, 1), np.int8))


def test_a_tensor_does_not_wait_beyond_its_deadline(bundled_model, tensors):
    model = Classifier(bundle.read(bundled_model))
    held, done = threading.Event(), threading.Event()

    def hold():
        with model._places.take(1):
            held.set()
            done.wait(10)

    threading.Thread(target=hold).start()
    held.wait(10)
    with pytest.raises(DeadlineExceeded):
        model.infer(tensors[0], deadline=Deadline(0.05))
    done.set()


def test_tensors_are_counted_like_pictures(classifier, tensors, bundled_model):
    model = Classifier(bundle.read(bundled_model))

    class Info:
        labels = tuple(model.labels)

    model.observer = tally = Tally(Info())
    model.infer(tensors[0][:6])
    with pytest.raises(TensorError):
        model.infer(tensors[0][:, :1])
    counted = tally.read()
    assert (counted.images, counted.requests.count, counted.failed.count) == (6, 1, 1)
    assert sum(rows * batch.executions for rows, batch in counted.batches.items()) == 6
    assert sum(batch.invoke for batch in counted.batches.values()) > 0
    assert counted.stages["output"].count == 6


def test_the_signature_is_the_saved_model_s(classifier):
    signature = classifier.signature
    assert (signature.name, signature.input, signature.output) == (
        "serving_default",
        "image",
        "output_0",
    )


def test_without_a_signature_the_tensors_names_are_taken(colours):
    signature = colours().signature
    assert (signature.name, signature.input, signature.output) == (
        "serving_default",
        "image",
        "scores",
    )
