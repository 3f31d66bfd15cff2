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
        validation={"verdict": "passed"},
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
        lambda d: d["golden"].update(tolerance="small"),
        lambda d: d["golden"]["samples"][0].pop("candidate"),
        lambda d: d["golden"]["samples"][0].update(candidate=[]),
        lambda d: d["golden"]["samples"][0]["candidate"][0].update(index="three"),
    ],
)
def test_a_manifest_with_a_wrong_part_is_refused_in_a_sentence(change, manifest):
    with pytest.raises(ModelFileError, match=r"edge\.json inside m can't be read .*again\.$"):
        manifests.from_bytes(changed(manifest, change), "m")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_what_is_no_json_object_is_refused_in_a_sentence(data):
    with pytest.raises(ModelFileError, match=r"edge\.json inside m can't be read"):
        manifests.from_bytes(data, "m")
