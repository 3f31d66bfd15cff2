from __future__ import annotations

import threading

import numpy as np
import pytest

from edge_server.deadline import Deadline
from edge_server.errors import DeadlineExceeded, ImageError, ImageTooLarge, ModelFailed
from edge_server.inference import batching, bundle
from edge_server.inference.batching import chunks
from edge_server.inference.classifier import Classifier
from edge_server.inference.manifest import Manifest, Output
from edge_server.inference.preprocessing import from_preset
from edge_server.inference.runtime import Model


@pytest.fixture
def colours(colour_file):
    """A classifier whose scores are a picture's mean red, green and blue; its batch is `batch`."""

    def make(batch=1, resizable=False, **options):
        spec = from_preset("unit", width=8, height=8)
        manifest = Manifest("c", spec, Output.PROBABILITIES, "test", resizable_batch=resizable)
        file = colour_file({"edge.json": manifest.to_bytes()})
        classifier = Classifier(bundle.read(file), **options)
        if batch != 1:
            classifier.batch = batch
        return classifier

    return make


@pytest.fixture
def images(paint, encode):
    """Encoded pictures, the n-th with a red of 20 n."""

    def make(count):
        return [encode(paint(20 * n, 0, 0)) for n in range(count)]

    return make


@pytest.fixture
def runs(monkeypatch):
    """How many pictures each run of a model took, as they come."""
    rows, run = [], Model.run

    def recording(model, tensor):
        rows.append(len(tensor))
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", recording)
    return rows


def reds(results):
    return [
        round(255 * next(p.confidence for p in result.top if p.index == 0)) for result in results
    ]


@pytest.mark.parametrize(
    ("count", "workers", "size", "lengths"),
    [
        (1, 1, 4, [1]),
        (3, 1, 4, [1, 1, 1]),
        (4, 1, 4, [4]),
        (10, 1, 4, [4, 4, 1, 1]),
        (10, 2, 4, [4, 4, 1, 1]),
        (7, 2, 4, [1] * 7),
        (5, 2, 1, [1] * 5),
    ],
)
def test_whole_batches_are_cut_where_every_worker_has_one(count, workers, size, lengths):
    parts = list(chunks(count, workers, size))
    assert [len(part) for part in parts] == lengths
    assert [position for part in parts for position in part] == list(range(count))


def test_a_batch_goes_through_an_interpreter_at_once_and_the_rest_one_by_one(colours, images, runs):
    classifier = colours(batch=4)
    runs.clear()
    assert reds(classifier.classify_batch(images(10))) == [20 * n for n in range(10)]
    assert runs == [4, 4, 1, 1]


def test_after_a_batch_one_picture_is_answered_as_before(colours, images):
    classifier = colours(batch=4)
    classifier.classify_batch(images(4))
    assert reds([classifier.classify(images(3)[2])]) == [40]


def test_a_share_of_the_time_of_a_batch_is_each_picture_s(colours, images):
    results = colours(batch=4).classify_batch(images(4))
    assert len({result.timing.invoke for result in results}) == 1
    assert results[0].timing.invoke > 0


def test_the_pictures_of_a_request_are_run_side_by_side(colours, images, monkeypatch):
    classifier = colours(interpreters=2)
    both, run = threading.Barrier(2), Model.run

    def meeting(model, tensor):
        both.wait(10)  # breaks, and with it the test, where one runs after the other
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", meeting)
    assert reds(classifier.classify_batch(images(12))) == [20 * n for n in range(12)]


def test_a_request_takes_no_place_in_the_queue_beyond_its_own(colours, images):
    classifier = colours(interpreters=2, max_waiting=0)
    with classifier._places.take(1):
        assert reds(classifier.classify_batch(images(6))) == [20 * n for n in range(6)]


def test_a_request_waits_for_an_interpreter_until_its_deadline(colours, images):
    classifier = colours()
    with classifier._places.take(1), pytest.raises(DeadlineExceeded):
        classifier.classify_batch(images(2), deadline=Deadline(0.05))


@pytest.mark.parametrize(("interpreters", "batch"), [(1, 1), (1, 4), (2, 1), (2, 4)])
def test_the_first_bad_image_is_named_by_its_place(interpreters, batch, colours, images):
    sent = images(12)
    sent[6] = sent[9] = b"no picture"
    with pytest.raises(ImageError) as caught:
        colours(interpreters=interpreters, batch=batch).classify_batch(sent)
    assert caught.value.position == 6


def test_a_bad_image_keeps_its_kind(colours, images, paint, encode):
    large = encode(paint(0, 0, 0, size=(50, 50)))
    with pytest.raises(ImageTooLarge):
        colours(max_pixels=2000).classify_batch([*images(1), large])


def test_scores_that_are_not_finite_are_an_error_and_no_answer(colours, images, monkeypatch):
    classifier = colours()
    monkeypatch.setattr(Model, "run", lambda model, tensor: np.full((1, 3), np.nan, np.float32))
    with pytest.raises(ModelFailed, match=r"c puts out numbers that are not finite"):
        classifier.classify(images(1)[0])


def test_a_file_that_can_be_resized_is_measured_and_the_answer_is_used(colours, monkeypatch):
    monkeypatch.setattr(batching, "size_that_pays", lambda data, **_: 4)
    assert colours(resizable=True).batch == 4


def test_a_file_that_can_t_be_resized_is_not_tried(colours, runs):
    assert colours(resizable=False).batch == 1
    assert runs == [1]  # the black picture


def test_a_file_that_this_runtime_does_not_resize_is_run_one_by_one(root):
    # Its manifest may say otherwise: another runtime wrote that.
    data = (root / "tests/edge_server/recipes/fixed_batch.tflite").read_bytes()
    assert batching.size_that_pays(data, threads=1) == 1


def test_the_measurement_chooses_one_of_the_sizes_that_it_ran(root, runs):
    data = (root / "tests/edge_server/recipes/float32.tflite").read_bytes()
    assert batching.size_that_pays(data, threads=1) in (1, batching.BATCH)
    assert set(runs) == {1, batching.BATCH}
