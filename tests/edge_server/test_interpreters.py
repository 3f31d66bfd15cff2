"""The interpreter for whoever is alone: when it is used, and that it answers as the others do."""

from __future__ import annotations

import logging

import pytest

from edge_server.errors import ModelFileError, ModelRefused
from edge_server.inference import bundle, golden, proving
from edge_server.inference.classifier import Classifier
from edge_server.inference.runtime import Model


@pytest.fixture
def classifier(bundled_model):
    made = Classifier(bundle.read(bundled_model), interpreters=2)
    made.widen(2)
    return made


@pytest.fixture
def ran_with(monkeypatch):
    """The numbers of threads of the interpreters that ran, one for each run."""
    threads = []
    run = Model.run

    def spy(model, tensor):
        threads.append(model.threads)
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", spy)
    return threads


def test_a_request_that_is_alone_has_all_threads(classifier, digit, ran_with):
    classifier.classify(digit(0)[0])
    assert ran_with == [2]


def test_beside_others_requests_share_the_load(classifier, digit, ran_with):
    with classifier._places.take(1):  # another request
        classifier.classify(digit(0)[0])
    assert ran_with == [1]


def test_the_answers_are_the_same(classifier, digit):
    for number in range(20):
        alone = classifier.classify(digit(number)[0])
        with classifier._places.take(1):
            assert classifier.classify(digit(number)[0]).top == alone.top


def test_it_has_to_reproduce_the_golden_samples_too(classifier, monkeypatch, caplog):
    classifier.narrow()

    def refuse(_classifier):
        raise ModelRefused("It answers otherwise.")

    monkeypatch.setattr(golden, "check", refuse)
    with caplog.at_level(logging.WARNING):
        proving.widen(classifier, 2)
    assert classifier.threads_alone == 0
    assert "no interpreter of several threads" in caplog.text


def test_where_it_does_not_load_the_others_go_on(classifier, digit, monkeypatch):
    classifier.narrow()

    def fail(*_arguments, **_options):
        raise ModelFileError("no memory")

    monkeypatch.setattr("edge_server.inference.interpreters.Model", fail)
    proving.widen(classifier, 2)
    assert classifier.threads_alone == 0
    assert classifier.classify(digit(3)[0]).top
