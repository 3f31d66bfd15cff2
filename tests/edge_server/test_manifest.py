from __future__ import annotations

import json

import pytest

from edge_server.errors import ModelFileError
from edge_server.inference import manifest as manifests
from edge_server.inference.manifest import Golden, Manifest, Output, Score
from edge_server.inference.preprocessing import from_preset


@pytest.fixture
def manifest():
    return Manifest(
        name="Pilze & Käse",
        preprocessing=from_preset("torch", width=224, height=192),
        output=Output.LOGITS,
        recipe="int8",
        source={"format": "saved_model"},
        tools={"tensorflow": "2.21.0"},
        operators=({"name": "CONV_2D", "version": 3},),
        target="tflite-2.14",
        resizable_batch=True,
        validation={
            "verdict": "passed",
            "samples": 200,
            "original": {"top1": 0.9, "top5": 1},
            "candidate": {"top1": 0.875, "top5": None},
            "agreement": {"top1": 1, "interval": [0.98, 1.0]},
        },
        tolerance=0.1,
        golden=(Golden("golden/0.png", (Score(3, 0.9),), (Score(3, 0.8), Score(1, 0.1))),),
    )


def changed(manifest, change):
    document = json.loads(manifest.to_bytes())
    change(document)
    return json.dumps(document).encode()


def test_to_bytes_and_back_is_the_same(manifest):
    assert manifests.from_bytes(manifest.to_bytes(), "m") == manifest


def test_the_same_content_is_the_same_bytes(manifest):
    again = manifests.from_bytes(manifest.to_bytes(), "m")
    assert again.to_bytes() == manifest.to_bytes()


def test_a_newer_format_is_refused_with_both_numbers(manifest):
    data = changed(manifest, lambda d: d.update(format_version=2))
    with pytest.raises(ModelFileError, match=r"m was made by .*format 2, this one reads 1"):
        manifests.from_bytes(data, "m")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("name"),
        lambda d: d.pop("format_version"),
        lambda d: d.update(output="embedding"),
        lambda d: d.update(preprocessing=None),
        lambda d: d["preprocessing"].update(fit="zoom"),
        lambda d: d["preprocessing"].update(std=[0, 1, 1]),
        lambda d: d.update(source="somewhere"),
        lambda d: d.update(operators=None),
        lambda d: d["validation"].pop("verdict"),
        lambda d: d["validation"].update(verdict="good"),
        lambda d: d["validation"].update(samples="many"),
        lambda d: d["validation"].update(candidate=0.9),
        lambda d: d["validation"]["candidate"].update(top1="0.9"),
        lambda d: d["validation"]["original"].update(top1=90),
        lambda d: d["validation"]["agreement"].update(top1=None),
        lambda d: d.update(validation="passed"),
        lambda d: d["golden"].update(tolerance="small"),
        lambda d: d["golden"].update(tolerance=float("nan")),
        lambda d: d["golden"]["samples"][0].pop("candidate"),
        lambda d: d["golden"]["samples"][0].update(candidate=[]),
        lambda d: d["golden"]["samples"][0]["candidate"][0].update(index="three"),
    ],
)
def test_a_manifest_with_a_wrong_part_is_refused_in_a_sentence(change, manifest):
    with pytest.raises(ModelFileError, match=r"edge\.json inside m can't be read .*again\.$"):
        manifests.from_bytes(changed(manifest, change), "m")


def test_a_file_of_the_first_release_was_made_for_litert_and_takes_no_batch(manifest):
    def older(document):
        del document["target"], document["resizable_batch"]

    read = manifests.from_bytes(changed(manifest, older), "m")
    assert (read.target, read.resizable_batch) == ("litert", False)


@pytest.mark.parametrize("value", ["false", "yes", 1, None])
def test_only_true_says_that_a_file_takes_a_batch(value, manifest):
    data = changed(manifest, lambda d: d.update(resizable_batch=value))
    assert manifests.from_bytes(data, "m").resizable_batch is False


def test_photos_without_labels_leave_accuracies_open(manifest):
    def unlabelled(document):
        for part in ("original", "candidate"):
            document["validation"][part] = {"top1": None, "top5": None}

    read = manifests.from_bytes(changed(manifest, unlabelled), "m")
    assert read.validation["candidate"]["top1"] is None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_what_is_no_json_object_is_refused_in_a_sentence(data):
    with pytest.raises(ModelFileError, match=r"edge\.json inside m can't be read"):
        manifests.from_bytes(data, "m")
