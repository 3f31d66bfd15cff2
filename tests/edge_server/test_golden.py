from __future__ import annotations

import json

import pytest

from edge_server.errors import ModelRefused
from edge_server.inference import bundle, golden
from edge_server.inference.classifier import Classifier
from edge_server.inference.flatbuffer import Table


@pytest.fixture
def check(altered):
    """Checks the bundled model after its manifest, files or graph were altered."""

    def run(change=lambda document: None, files=None, graph=lambda graph: graph):
        document = json.loads(bundle.read(altered()).file.attached["edge.json"])
        change(document)
        files = {"edge.json": json.dumps(document).encode(), **(files or {})}
        return golden.check(Classifier(bundle.read(altered(files, graph))))

    return run


def sample(document, number=0):
    return document["golden"]["samples"][number]


def test_the_bundled_model_reproduces_its_samples(classifier):
    results = golden.run(classifier)
    assert golden.check(classifier) == len(results) >= 3
    assert all(result.reproduced for result in results)
    assert all(result.got.index == result.expected.index for result in results)
    assert all(result.difference <= result.allowed == 0.05 for result in results)
    assert all(result.original.index == result.expected.index for result in results)
    assert all(result.timing.invoke > 0 for result in results)


def test_a_file_without_a_manifest_has_no_samples(colour_file):
    classifier = Classifier(bundle.read(colour_file(), preset="unit"))
    assert golden.run(classifier) == []
    assert golden.check(classifier) == 0


def test_another_answer_is_refused_with_both_labels(check):
    def change(document):
        best = sample(document, 1)["candidate"][0]
        best["index"] = (best["index"] + 1) % 10

    with pytest.raises(ModelRefused, match=r"golden/1\.png gave '\d' for '\d'") as caught:
        check(change)
    assert caught.value.exit_status == 1


def test_another_answer_is_refused_however_much_is_tolerated(check):
    def change(document):
        document["golden"]["tolerance"] = 2.0
        best = sample(document)["candidate"][0]
        best["index"] = (best["index"] + 1) % 10

    with pytest.raises(ModelRefused, match=r"golden/0\.png gave '\d' for '\d'"):
        check(change)


def test_another_score_is_refused(check):
    with pytest.raises(ModelRefused, match=r"off by 0\.\d\d \(allowed 0\.05\)"):
        check(lambda document: sample(document)["candidate"][0].update(score=0.5))


def test_another_preprocessing_is_refused(check):
    with pytest.raises(ModelRefused, match="does not answer on this device as it did"):
        check(lambda document: document["preprocessing"].update(mean=[255.0], std=[-0.1 + 1]))


def test_weights_of_zeros_are_refused(check):
    # As a bad card leaves them: the file is whole, the runtime loads it without a word.
    def zeroed(graph):
        weights = max((b.octets(0) for b in Table.root(graph).tables(4)), key=len)
        assert len(weights) > 5000
        return graph.replace(weights, bytes(len(weights)))

    with pytest.raises(ModelRefused, match="does not answer on this device as it did"):
        check(graph=zeroed)


def test_a_sample_that_is_missing_is_named(check):
    with pytest.raises(ModelRefused, match=r"digits lacks its golden sample golden/0\.png"):
        check(files={"golden/0.png": None})


def test_a_sample_that_is_no_picture_is_named(check):
    with pytest.raises(ModelRefused, match=r"golden/2\.png of digits is damaged"):
        check(files={"golden/2.png": b"\x89PNG\r\n\x1a\n"})


@pytest.mark.parametrize("index", [10, -1])
def test_a_class_that_the_model_does_not_have_is_refused(index, check):
    with pytest.raises(ModelRefused, match="names a class that the model does not have"):
        check(lambda document: sample(document)["candidate"][0].update(index=index))
