"""report.json: the keys and types that people's tools read."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from convert import report
from edge_server.inference import bundle

Number = (int, float)


@pytest.fixture
def labelled(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("colours_build")


@pytest.fixture
def unlabelled(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue("float_build")


def test_the_promised_keys_have_the_promised_types(labelled: Any) -> None:
    document = labelled.report
    assert document["verdict"] in ("passed", "failed")
    assert document["recipe"] == "int8"
    assert type(document["size_bytes"]) is int
    assert type(document["samples"]) is int
    for model in ("original", "candidate"):
        for figure in ("top1", "top5"):
            assert type(document[model][figure]) is float
    assert type(document["agreement"]["top1"]) is float
    low, high = document["agreement"]["interval"]
    assert isinstance(low, Number)
    assert isinstance(high, Number)


def test_accuracies_and_agreement_are_fractions(labelled: Any) -> None:
    document = labelled.report
    assert document["samples"] == 24
    assert document["original"] == {"top1": 1.0, "top5": 1.0}
    assert (document["candidate"]["top1"], document["candidate"]["top5"]) == (1.0, 1.0)
    assert document["agreement"]["top1"] == 1.0
    low, high = document["agreement"]["interval"]
    assert (low, high) == (pytest.approx(0.862, abs=1e-3), 1.0)


def test_without_labels_accuracies_are_null_and_agreement_is_not(unlabelled: Any) -> None:
    document = unlabelled.report
    assert document["original"] == {"top1": None, "top5": None}
    assert (document["candidate"]["top1"], document["candidate"]["top5"]) == (None, None)
    assert document["agreement"]["top1"] == 1.0
    assert document["verdict"] == "passed"
    assert document["calibration"] is None


def test_size_and_hash_are_those_of_the_file(labelled: Any) -> None:
    data = labelled.model.read_bytes()
    assert labelled.model.name == "model.tflite"
    assert labelled.report["size_bytes"] == len(data)
    assert labelled.report["sha256"] == hashlib.sha256(data).hexdigest()


def test_what_ran_and_with_what_is_recorded(labelled: Any) -> None:
    document = labelled.report
    assert document["candidate"]["runtime"].startswith("ai-edge-litert 2.")
    assert document["candidate"]["invoke_ms_median"] > 0
    assert document["tools"].keys() == {"edge-classifier", "tensorflow", "python"}
    assert document["thresholds"] == {"min_agreement": 0.95, "max_drop": 1.0}
    assert document["source"]["signature"] == "serving_default"
    assert document["source"]["fingerprint"].startswith("sha256:")
    manifest = bundle.read(labelled.model).manifest
    assert manifest is not None
    assert document["preprocessing"] == manifest.preprocessing.to_json()
    assert document["output"] == "probabilities"
    assert {"name": "SOFTMAX", "version": 2} in document["operators"]
    assert document["calibration"]["used"] == 24
    assert document["golden_samples"] == 4


def test_the_share_inside_xnnpack_and_the_time_beside_float32_are_recorded(labelled: Any) -> None:
    document = labelled.report
    share = document["candidate"]["xnnpack"]
    assert 1 <= share["parts"] <= share["inside"] <= share["operators"]
    assert document["candidates"][0]["xnnpack"] == share
    (check,) = (check for check in document["checks"] if check["name"] == "speed")
    assert check["figures"]["xnnpack"] == share
    assert check["figures"]["invoke_ms_median"] > 0
    assert check["figures"]["float32_invoke_ms_median"] > 0


def test_a_recipe_without_integers_is_compared_with_no_other(unlabelled: Any) -> None:
    assert "speed" not in {check["name"] for check in unlabelled.report["checks"]}


def test_text_is_written_as_it_is_and_ends_with_a_newline() -> None:
    assert report.to_bytes({"file": "Vögel"}) == '{\n  "file": "Vögel"\n}\n'.encode()
