from __future__ import annotations

import pytest

from edge_server.configuration.nearest import nearest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("--prot", "--port"),
        ("--PORT", "--port"),
        ("--max_body", "--max-body"),
        ("--max-bdy", "--max-body"),
        ("--colour", "--color-order"),
        ("--log", "--log-level"),
        ("--lo", "--log-level"),
        ("---", "--port"),
    ],
)
def test_the_nearest_name_is_what_was_meant(name, expected):
    known = ["--port", "--max-body", "--max-pixels", "--color-order", "--log-level", "--labels"]
    found = nearest(name, known)
    assert found == expected if name != "---" else found in known


@pytest.mark.parametrize("words", [["--por", "1"], ["--p=1"], ["--warm"], ["-p", "1"]])
def test_abbreviations_are_not_taken(words, wrong):
    (sentence,) = wrong(words)
    assert sentence.startswith(f"There is no option {words[0].partition('=')[0]}: the nearest is ")


def test_each_unknown_option_is_named_but_not_its_value(wrong):
    said = wrong(["--prot", "1", "--hots=secret", "--port", "5"])
    assert [sentence.split(":")[0] for sentence in said] == [
        "There is no option --prot",
        "There is no option --hots",
    ]


def test_a_word_without_an_option_is_said(wrong):
    assert wrong(["--port", "1", "model.tflite"]) == [
        "'model.tflite' belongs to no option: options begin with --, as in --model FILE."
    ]


def test_a_missing_value_is_said(wrong):
    assert wrong(["--port"]) == [
        "--port needs a value: --port VALUE, or --port=VALUE if it begins with -."
    ]


def test_a_value_for_a_flag_is_said(wrong):
    assert wrong(["--metrics=false"]) == [
        "--metrics takes no value: write --metrics or --no-metrics."
    ]


def test_a_long_or_strange_value_is_shown_in_one_short_line(wrong):
    (sentence,) = wrong(["--port", "1\n\u202e" + "x" * 1000])
    assert r"1\n\u202ex" in sentence
    assert len(sentence) < 200


def test_credentials_in_a_value_are_not_repeated(wrong):
    (sentence,) = wrong(["--port", "http://me:secret@host/"])
    assert "secret" not in sentence
    assert "http://***@host/" in sentence
