"""The interpreter for whoever is alone: when it is used, and that it answers as the others do."""

from __future__ import annotations

import logging

import numpy as np
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


def answering_nan(monkeypatch, when):
    """The real model, but no number where `when` says so of its input."""
    run = Model.run

    def answer(model, tensor):
        raw = run(model, tensor)
        return np.full(raw.shape, np.nan, np.float32) if when(tensor) else raw

    monkeypatch.setattr(Model, "run", answer)


def test_a_graph_that_has_no_answer_to_black_alone_is_loaded(bundled_model, monkeypatch, digit):
    answering_nan(monkeypatch, lambda tensor: not tensor.any())
    loaded = Classifier(bundle.read(bundled_model))
    assert loaded.classify(digit(0)[0]).top


def test_a_graph_that_has_no_answer_at_all_is_refused(bundled_model, monkeypatch):
    answering_nan(monkeypatch, lambda tensor: True)
    with pytest.raises(ModelFileError, match="puts out numbers that are not finite"):
        Classifier(bundle.read(bundled_model))


def test_a_graph_that_fails_on_black_alone_is_loaded(bundled_model, monkeypatch):
    run = Model.run

    def divide(model, tensor):
        if not tensor.any():
            raise ModelFileError("It loads but fails when it is run: div.cc.")
        return run(model, tensor)

    monkeypatch.setattr(Model, "run", divide)
    assert Classifier(bundle.read(bundled_model)).classes == 10
