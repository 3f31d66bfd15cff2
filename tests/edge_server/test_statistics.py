"""What each model version is counted to have done, seen from requests to a real model."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_server.deadline import Deadline
from edge_server.errors import DeadlineExceeded, ImageError, Overloaded
from edge_server.inference import loading
from edge_server.inference.loading import LoadOptions
from edge_server.inference.served import ModelInfo, ServedModel
from edge_server.inference.statistics import (
    BOUNDS,
    MAX_COUNTED_CLASSES,
    STAGES,
    ModelStatistics,
    Observations,
)


@pytest.fixture
def observations(clock):
    return Observations(clock=clock, keep_seconds=600, keep_versions=3)


@pytest.fixture
def load(bundled_model, observations):
    """Loads the digits as a version, counted."""

    def make(version="1", path=bundled_model, **options):
        chosen = LoadOptions(observations=observations, **options)
        return loading.load(path, chosen, name="digits", version=version)

    return make


def test_golden_samples_are_nobodys_requests(load, observations):
    load()
    assert observations.of("digits", "1") == ModelStatistics(predictions=(0,) * 10)


def test_a_request_counts_its_images_stages_and_answers(load, observations, digit):
    model = load()
    answers = model.classifier.classify_batch([digit(0)[0], digit(0)[0], digit(1)[0]])
    got = observations.of("digits", "1")
    assert got.requests.count == 1
    assert got.images == 3
    assert 1 <= got.executions <= 3
    assert {stage: got.stages[stage].count for stage in STAGES} == dict.fromkeys(STAGES, 3)
    for stage in STAGES:
        said = sum(getattr(answer.timing, stage) for answer in answers) / 1e3
        assert got.stages[stage].seconds == pytest.approx(said, abs=2e-9)
    assert got.requests.seconds >= got.stages["invoke"].seconds
    expected = [0] * 10
    for answer in answers:
        expected[answer.top[0].index] += 1
    assert got.predictions == tuple(expected)
    assert got.last_answer is not None


def test_single_images_and_pixels_of_the_camera_count_alike(load, observations, digit, paint):
    model = load()
    model.classifier.classify(digit(0)[0])
    model.classifier.classify_pixels(paint(0, 0, 0))
    got = observations.of("digits", "1")
    assert (got.requests.count, got.images, got.executions) == (2, 2, 2)


def test_a_duration_falls_into_the_first_bound_that_holds_it(load, observations):
    tally = load().classifier.observer
    for seconds in (0.001, 0.0011, 10.0, 11.0):
        tally.succeeded(seconds)
    got = observations.of("digits", "1").requests
    assert got.counts[0] == got.counts[1] == 1
    assert got.counts[len(BOUNDS) - 1] == got.counts[-1] == 1
    assert got.nanoseconds == 21_002_100_000


def test_what_was_not_answered_says_why(load, observations, digit):
    model = load(max_waiting=0)
    with pytest.raises(ImageError):
        model.classifier.classify_batch([digit(0)[0], b"no image"])
    with model.classifier._places.take(1), pytest.raises(Overloaded):
        model.classifier.classify_batch([digit(0)[0]])
    patient = load("2")
    with patient.classifier._places.take(1), pytest.raises(DeadlineExceeded):
        patient.classifier.classify_batch([digit(0)[0]], deadline=Deadline(0.01))
    first, second = observations.of("digits", "1"), observations.of("digits", "2")
    assert (first.failed.count, first.shed, first.timed_out) == (2, 1, 0)
    assert (second.failed.count, second.shed, second.timed_out) == (1, 0, 1)
    assert first.requests.count == second.requests.count == 0


def test_no_count_is_lost_between_threads(load, observations, digit):
    tally, answer = load().classifier.observer, load().classifier.classify(digit(0)[0])
    before = observations.of("digits", "1").images
    begin = threading.Barrier(8)

    def work(_):
        begin.wait()
        for _ in range(500):
            tally.executed([answer])
            tally.succeeded(0.002)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    got = observations.of("digits", "1")
    assert got.images - before == got.stages["queue"].count - before == 4000
    assert got.predictions[answer.top[0].index] - before == 4000


def test_answers_are_not_counted_by_class_where_there_are_many(observations, colour_file):
    options = LoadOptions(preset="unit", observations=observations)
    model = loading.load(colour_file(), options, version="1")
    assert len(observations.of(model.info.name, "1").predictions) == 3
    many = ModelInfo("many", "1", "int8", "", 0, ("x",) * (MAX_COUNTED_CLASSES + 1))
    observations.attach(ServedModel(many, model.classifier))
    assert observations.of("many", "1").predictions == ()


def test_a_version_that_is_gone_stays_for_a_while(load, observations, clock, digit):
    model = load()
    model.classifier.classify(digit(0)[0])
    clock.now = 10_000
    assert [seen.info.version for seen in observations.all()] == ["1"]
    del model
    gc.collect()
    assert [seen.info.version for seen in observations.all()] == ["1"]
    clock.now += 600
    assert observations.all()[0].statistics.images == 1
    clock.now += 1
    assert observations.all() == []
    assert observations.of("digits", "1") == ModelStatistics()


def test_a_version_that_comes_back_counts_on(load, observations, clock, digit):
    for _ in range(2):
        load().classifier.classify(digit(0)[0])
        gc.collect()
        clock.now += 300
    assert observations.of("digits", "1").images == 2


def test_another_file_under_a_versions_name_begins_at_zero(load, observations, colour_file, digit):
    old = load()
    old.classifier.classify(digit(9)[0])
    new = load(path=colour_file(), preset="unit")
    # What the old one still answers, with a class that the new one lacks, disturbs nobody.
    old.classifier.classify(digit(9)[0])
    new.classifier.classify(digit(9)[0])
    (seen,) = observations.all()
    assert (seen.info, seen.classifiers) == (new.info, [new.classifier])
    assert seen.statistics.images == sum(seen.statistics.predictions) == 1
    assert len(seen.statistics.predictions) == 3


def test_thousands_of_versions_are_not_kept(load, observations, clock):
    model = load("0")
    for number in range(1, 3001):
        observations.attach(
            ServedModel(ModelInfo("digits", str(number), "int8", "", 0, ()), _Loaded())
        )
        clock.now += 0.1
    kept = [seen.info.version for seen in observations.all()]
    # The one in use, though it is the oldest, and the newest of those that are gone.
    assert kept == ["0", "2998", "2999", "3000"]
    assert model.classifier.observer.read() == observations.of("digits", "0")


class _Loaded:
    """Stands for a classifier that nothing holds any more."""
