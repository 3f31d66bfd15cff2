from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from camera.sources.demo import demo_digits, picture
from edge_server.deadline import Deadline
from edge_server.errors import (
    DeadlineExceeded,
    ImageError,
    ImageTooLarge,
    ModelFileError,
    SettingError,
)
from edge_server.inference import bundle
from edge_server.inference.classification import Timing, to_scores, top_indices
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import from_preset
from edge_server.inference.runtime import Model


@pytest.fixture
def colours(colour_file):
    """A model that names the main colour, put together as convert does it."""

    def make(output=Output.PROBABILITIES, preset="unit", labels="red\ngreen\nblue\n", **graph):
        shape = graph.get("shape", (1, 8, 8, 3))
        spec = from_preset(preset, width=shape[2], height=shape[1], channels=shape[3])
        manifest = Manifest("colours", spec, output, "test")
        files = {"edge.json": manifest.to_bytes(), "labels.txt": labels.encode()}
        return Classifier(bundle.read(colour_file(files, **graph)))

    return make


def test_at_least_97_percent_of_the_held_out_digits_are_read(classifier):
    tiles, labels = demo_digits()
    right = [
        classifier.classify_pixels(picture(tiles, n), top_k=1).top[0].label == label
        for n, label in enumerate(labels)
    ]
    assert len(right) >= 500
    assert np.mean(right) >= 0.97


def test_an_encoded_picture_is_answered_with_its_classes_best_first(classifier, digit):
    data, label = digit(0)
    result = classifier.classify(data)
    assert result.top[0].label == label
    assert len(result.top) == 5
    confidences = [p.confidence for p in result.top]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= c <= 1 for c in confidences)
    assert all(p.label == classifier.labels[p.index] for p in result.top)


def test_all_threads_get_the_answers_that_one_gets_alone(classifier, digit):
    pictures = [digit(n)[0] for n in range(24)]
    alone = [classifier.classify(data).top for data in pictures]
    with ThreadPoolExecutor(16) as threads:
        together = list(threads.map(classifier.classify, pictures * 6))
    assert [result.top for result in together] == alone * 6


def test_the_scores_of_an_analytic_model_are_the_colours(colours, paint):
    scores = colours().scores(paint(255, 51, 0))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [1.0, 0.2, 0.0], atol=1e-6)


def test_channel_means_reach_the_model(colours, paint):
    scores = colours(preset="torch").scores(paint(255, 0, 128))
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (128 / 255 - 0.406) / 0.225]
    np.testing.assert_allclose(scores, expected, atol=1e-3)


def test_bgr_reaches_the_model(colours, paint):
    scores = colours(preset="caffe").scores(paint(10, 20, 200))
    np.testing.assert_allclose(scores, [200 - 103.939, 20 - 116.779, 10 - 123.68], atol=1e-3)


@pytest.mark.parametrize(
    ("dtype", "zero_point", "passes"), [("uint8", 0, True), ("int8", -128, False)]
)
def test_quantized_inputs_get_the_pixels(dtype, zero_point, passes, colours, paint):
    classifier = colours(dtype=dtype, scale=1 / 255, zero_point=zero_point)
    assert classifier._preparation._passes_pixels is passes
    np.testing.assert_allclose(classifier.scores(paint(255, 51, 0)), [1, 0.2, 0], atol=1e-6)


def test_a_quantized_input_with_another_normalization_is_converted(colours, paint):
    classifier = colours(preset="tf", dtype="uint8", scale=1 / 64, zero_point=64)
    assert not classifier._preparation._passes_pixels
    np.testing.assert_allclose(classifier.scores(paint(255, 128, 0)), [1, 0, -1], atol=1 / 64)


def test_logits_are_softmaxed(colours, paint):
    scores = colours(Output.LOGITS, preset="raw").scores(paint(3, 1, 0))
    np.testing.assert_allclose(scores, np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum(), rtol=1e-5)


def test_softmax_does_not_overflow():
    scores = to_scores(np.float32([1e4, 0, -1e4]), Output.LOGITS)
    np.testing.assert_allclose(scores, [1, 0, 0])


@pytest.mark.parametrize("output", [Output.PROBABILITIES, Output.SIGMOID])
def test_other_outputs_are_taken_as_they_are(output, colours, paint):
    np.testing.assert_allclose(colours(output).scores(paint(255, 255, 0)), [1, 1, 0])


def test_of_equal_scores_the_lower_index_comes_first(colours, paint):
    top = colours().classify_pixels(paint(90, 90, 90)).top
    assert [p.index for p in top] == [0, 1, 2]
    assert top_indices(np.float32([0, 1, 1, 0, 1]), 4) == [1, 2, 4, 0]


def test_top_indices_are_those_of_a_whole_stable_sort():
    random = np.random.default_rng(0)
    for _ in range(300):
        scores = random.integers(0, 6, random.integers(1, 40)).astype(np.float32)
        scores[random.random(len(scores)) < 0.2] = np.nan
        for count in (1, 3, 5, 50):
            whole = np.argsort(-scores, kind="stable")[:count]
            assert top_indices(scores, count) == whole.tolist()


def test_a_top_k_beyond_the_classes_gives_all_of_them(colours, paint):
    assert len(colours().classify_pixels(paint(1, 2, 3), top_k=1000).top) == 3


def test_classes_without_labels_are_called_by_their_number(colour_file, paint):
    classifier = Classifier(bundle.read(colour_file(), preset="unit"))
    top = classifier.classify_pixels(paint(0, 0, 255)).top
    assert (top[0].label, top[0].index) == ("2", 2)


def test_a_wrong_number_of_labels_is_refused_with_both_numbers(colours):
    with pytest.raises(SettingError, match=r"has 2 labels .* puts out 3 classes"):
        colours(labels="red\ngreen\n")


@pytest.mark.parametrize(
    "shape", [(2, 8, 8, 3), (1, 8, 8, 4), (1, 8, 8, 2)], ids=["batch", "four channels", "two"]
)
def test_a_model_that_takes_no_picture_is_refused_with_its_shape(shape, colour_file):
    with pytest.raises(ModelFileError, match=rf"shape \[{shape[0]}, 8, 8, {shape[3]}\]"):
        Classifier(bundle.read(colour_file(shape=shape), preset="unit"))


def test_a_model_that_takes_other_numbers_is_refused(colour_file):
    with pytest.raises(ModelFileError, match=r"takes int32 numbers|can't be loaded"):
        Classifier(bundle.read(colour_file(dtype="int32"), preset="unit"))


def test_what_is_no_image_is_refused(classifier):
    with pytest.raises(ImageError):
        classifier.classify(b"hello")


def test_the_limit_of_pixels_is_the_classifier_s_own(bundled_model, digit):
    small = Classifier(bundle.read(bundled_model), max_pixels=1000)
    with pytest.raises(ImageTooLarge, match="640 x 480"):
        small.classify(digit(0)[0])


def test_a_classification_does_not_wait_beyond_its_deadline(bundled_model, digit):
    classifier = Classifier(bundle.read(bundled_model))
    held, over = threading.Event(), threading.Event()

    def hold():
        with classifier._places.take(1):
            held.set()
            over.wait(20)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    held.wait(20)
    with pytest.raises(DeadlineExceeded):
        classifier.classify(digit(0)[0], deadline=Deadline(0.05))
    over.set()
    thread.join(20)
    assert classifier.classify(digit(0)[0]).top


def test_timings_add_up_part_by_part():
    assert Timing(1, 2, 3, 4) + Timing(10, 20, 30, 40) == Timing(11, 22, 33, 44)


@pytest.mark.parametrize(
    ("model", "passes"),
    [
        ("mobilenet_v1_0.25_224_float_metadata", False),
        ("mobilenet_v1_0.25_224_quant_metadata", True),
        ("mobilenet_v2_1.0_224_quant_no_metadata", True),
    ],
)
def test_models_of_others_name_the_parrot(model, passes, shared):
    classifier = Classifier(bundle.read(shared / "tflite" / f"{model}.tflite"))
    assert classifier._preparation._passes_pixels is passes
    photo = (shared / "photos" / "full_size" / "parrot.jpg").read_bytes()
    best = classifier.classify(photo).top[0]
    assert best.label == "macaw"
    assert best.confidence > 0.8


def test_a_model_that_fails_only_when_it_is_run_is_refused_when_it_is_loaded(
    colour_file, monkeypatch
):
    def fail(model, tensor):
        raise ModelFileError("The model loads but fails when it is run: no reason.")

    monkeypatch.setattr(Model, "run", fail)
    with pytest.raises(ModelFileError, match="fails when it is run"):
        Classifier(bundle.read(colour_file(), preset="raw"))


def test_a_model_that_puts_out_no_finite_numbers_is_refused(colour_file, monkeypatch):
    monkeypatch.setattr(Model, "run", lambda model, tensor: np.full((1, 3), np.nan, np.float32))
    with pytest.raises(ModelFileError, match="not finite"):
        Classifier(bundle.read(colour_file(), preset="raw"))
